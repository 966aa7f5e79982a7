// Package postgrestest runs a PostgreSQL server that belongs to a test: in a temporary folder, on a loopback port, and
// gone when the test binary ends, however it does.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds how long a server takes to start, also after a crash.
const startTimeout = time.Minute

// A Server is a PostgreSQL server of its own.
type Server struct {
	Port     int
	bin      string // the folder of PostgreSQL's programs
	dir      string // the server's
	settings []string
	owner    *syscall.Credential // nil: whoever runs the test

	running *exec.Cmd
	leash   io.Closer // when it is closed, the server is stopped at once
}

// Run starts a server for the tests of a binary, has use called with it, runs them, and returns what main should exit with.
// The server syncs nothing. Without PostgreSQL no test is run, which it says in a line; where everything must be there that
// is a failure.
func Run(m *testing.M, use func(*Server)) int {
	s, err := Start("fsync=off")
	if errors.Is(err, errMissing) && !required() {
		fmt.Println("NOT TESTED:", err)
		return 0
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer s.Remove()
	use(s)
	return m.Run()
}

// New starts a server that stops when the test ends. Where there is no PostgreSQL the test is skipped, and says so; where
// everything must be there it fails.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := Start(settings...)
	if errors.Is(err, errMissing) {
		lacking(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

func lacking(t testing.TB, why error) {
	t.Helper()
	if required() {
		t.Fatal(why)
	}
	t.Skip("NOT TESTED: ", why)
}

// required reports whether everything must be there.
func required() bool { return os.Getenv("VERDICT_TEST_REQUIRE") == "1" }

var errMissing = errors.New("PostgreSQL is missing: apt-get install postgresql")

// Start makes a server with settings such as fsync=off, and starts it.
func Start(settings ...string) (*Server, error) {
	s := &Server{settings: settings}
	if err := s.make(); err != nil {
		s.Remove()
		return nil, fmt.Errorf("make a PostgreSQL server: %w", err)
	}
	if err := s.Start(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) make() (err error) {
	if s.bin, err = programs(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "verdict-postgres-"); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses root
		if s.owner, err = unprivileged(); err != nil {
			return err
		}
		if err := os.Chown(s.dir, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			return err
		}
	}
	if s.Port, err = freePort(); err != nil {
		return err
	}
	initdb := s.command("initdb", "--pgdata", s.data(), "--username=verdict", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// programs finds the folder of the newest PostgreSQL's programs: on the path, or where Debian puts them.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return number(a) - number(b) })), nil
}

// number is the version in the path of a program.
func number(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func unprivileged() (*syscall.Credential, error) {
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(who.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is a program of PostgreSQL.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	return s.as(exec.Command(filepath.Join(s.bin, program), args...))
}

func (s *Server) as(c *exec.Cmd) *exec.Cmd {
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	return c
}

// leashed runs a server until its standard input ends, and then stops it as a crash would and removes its folder.
const leashed = `exec 3<&0
"$@" 3<&- </dev/null & server=$!
(read -r line <&3; touch ended; kill -QUIT $server) & leash=$!
wait $server; kill $leash; [ ! -e ended ] || rm -rf "$PWD"`

// Start starts a server that was stopped, and waits until it takes connections.
func (s *Server) Start() error {
	args := []string{"-c", leashed, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port)}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.running = s.as(exec.Command("/bin/sh", args...))
	leash, err := s.running.StdinPipe()
	if err != nil {
		return err
	}
	s.leash = leash
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.running.Stdout, s.running.Stderr = log, log
	if err := s.running.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.URL("public"))
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL didn't start: %w\n%s", err, s.Log())
		}
	}
}

// Crash ends the server at once: what it hasn't synced and the kernel hasn't been given is gone.
func (s *Server) Crash() error { return s.stop(syscall.SIGQUIT) }

// Stop ends the server and its connections in order.
func (s *Server) Stop() error { return s.stop(syscall.SIGINT) }

func (s *Server) stop(by syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, by); err != nil {
		return err
	}
	_ = s.running.Wait() // whose status is the leash's
	s.running = nil
	return nil
}

// Log is what the server has written.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

// URL names the server's database, with the tables in a schema.
func (s *Server) URL(schema string) string { return URL(fmt.Sprint("127.0.0.1:", s.Port), schema) }

// URL names the database of a server that is reached at an address.
func URL(address, schema string) string {
	return fmt.Sprintf("postgres://verdict:secret@%s/postgres?sslmode=disable&search_path=%s", address, schema)
}

// Remove stops the server and removes all of it.
func (s *Server) Remove() {
	if s.running != nil {
		_ = s.leash.Close()
		_ = s.running.Wait()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
