package target

import (
	"context"

	"verdict/bench/daemon"
)

// run starts a program in a folder, and waits until a URL of it is answered.
func run(ctx context.Context, dir, ready string, env []string, program string, args ...string) (*daemon.Daemon, error) {
	return daemon.Start(ctx, daemon.Command{Program: program, Args: args, Env: env, Dir: dir, Ready: daemon.Answers(ready)})
}

// freeAddress returns an address on loopback where nobody listens at the moment.
func freeAddress() (string, error) { return daemon.FreeAddress("127.0.0.1") }
