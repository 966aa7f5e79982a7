// Package cluster starts what several instances of Verdict share, and the instances: on loopback addresses of their own, with
// settings that survive a power cut.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"verdict/bench/daemon"
)

// Postgres is a PostgreSQL server with its own defaults, so it syncs its log with each commit.
type Postgres struct {
	*daemon.Daemon
	URL string
}

// StartPostgres makes a server in a folder, which must not exist, and starts it on a host, with more in its environment.
func StartPostgres(ctx context.Context, dir, host string, env ...string) (*Postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	owner, err := postgresOwner()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", data, "--username=verdict", "--auth=trust",
		"--encoding=UTF8", "--locale=C")
	initdb.Dir, initdb.Env = dir, daemon.PlainEnv()
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	address, err := daemon.FreeAddress(host)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("postgres://verdict@%s/postgres?sslmode=disable", address)
	d, err := daemon.Start(ctx, daemon.Command{
		Program: filepath.Join(bin, "postgres"), Args: []string{"-D", data, "-k", "", "-h", host, "-p", port},
		Dir: dir, Env: env, As: owner, Kill: syscall.SIGQUIT, // after SIGKILL its shared memory would be left behind
		Ready: func(ctx context.Context) bool {
			conn, err := pgx.Connect(ctx, url)
			return err == nil && conn.Close(ctx) == nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &Postgres{d, url}, nil
}

// PostgresVersion tells which PostgreSQL StartPostgres starts, such as "PostgreSQL 17.2".
func PostgresVersion(ctx context.Context) (string, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(string(out), ") ") // postgres (PostgreSQL) 17.2 (Debian ...)
	version, _, _ = strings.Cut(strings.TrimSpace(version), " ")
	return "PostgreSQL " + version, nil
}

// postgresPrograms finds the folder of the newest PostgreSQL's programs: on the path, or where Debian puts them.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is missing: apt-get install postgresql")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 if it isn't a number
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// postgresOwner is whom the server runs as: it refuses root. nil stands for ourselves.
func postgresOwner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}
