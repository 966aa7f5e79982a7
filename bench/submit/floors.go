package submit

import (
	"context"
	"fmt"
	"path/filepath"

	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/peer"
)

// floor is a server that this program is itself.
func floor(settings string) func(context.Context, *env) (program, error) {
	return func(_ context.Context, e *env) (program, error) { return program{e.self, settings}, nil }
}

func startFloor(name string) func(context.Context, *env, program) (*server, error) {
	return func(ctx context.Context, e *env, p program) (*server, error) {
		s := &server{}
		return s, s.serve(ctx, e, p, "accept", name)
	}
}

// serve starts one of our own servers, which is told --address.
func (s *server) serve(ctx context.Context, e *env, p program, args ...string) (err error) {
	if s.address, err = daemon.FreeAddress("127.0.0.1"); err != nil {
		return err
	}
	s.fill = usual
	err = s.run(ctx, daemon.Command{
		Program: p.path, Args: append(args, "--address", s.address), Env: e.slow, Dir: e.dir, Ready: daemon.Answers("http://" + s.address + "/"),
	})
	if err != nil {
		s.end()
	}
	return err
}

// findPostgres makes a program of ours that needs PostgreSQL.
func findPostgres(settings string) func(context.Context, *env) (program, error) {
	return func(ctx context.Context, e *env) (program, error) {
		version, err := cluster.PostgresVersion(ctx)
		return program{e.self, settings + "; " + version + ", as initdb leaves it"}, err
	}
}

// postgres starts a PostgreSQL server as a server's first process, and returns its URL.
func (s *server) postgres(ctx context.Context, e *env) (url string, err error) {
	p, err := cluster.StartPostgres(ctx, e.dir+"/postgres", "127.0.0.1", e.slow...)
	if err != nil {
		return "", err
	}
	s.processes = append(s.processes, p.Daemon)
	return p.URL, nil
}

func startPgx(ctx context.Context, e *env, p program) (*server, error) {
	s := &server{}
	url, err := s.postgres(ctx, e)
	if err != nil {
		return nil, err
	}
	return s, s.serve(ctx, e, p, "accept", "pgx", "--database", url)
}

// goPeer builds a peer's program, and tells the version of the module that it stands for.
func goPeer(ctx context.Context, e *env, name, module, settings string) (program, error) {
	file := filepath.Join(e.bin, name)
	version, err := peer.Build(ctx, e.root, name, ".", module, file)
	return program{file, fmt.Sprintf("%s %s; %s", module, version, settings)}, err
}
