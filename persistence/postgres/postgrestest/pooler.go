package postgrestest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Pooler starts a PgBouncer in transaction mode before the server, with two connections to it and settings as they stand in
// its file, and returns its address. It stops when the test ends. Where there is no PgBouncer the test is skipped, or fails,
// as by New.
func (s *Server) Pooler(t testing.TB, user string, settings ...string) (address string) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(program); err != nil {
		lacking(t, errors.New("PgBouncer is missing: apt-get install pgbouncer"))
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	users, config := filepath.Join(s.dir, "users"), filepath.Join(s.dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		users: fmt.Sprintf("%q \"\"\n", user),
		config: fmt.Sprintf("[databases]\npostgres = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
			"unix_socket_dir =\nauth_type = trust\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = 2\n%s\n",
			s.Port, port, users, strings.Join(settings, "\n")),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pooler := s.as(exec.Command(program, "-q", config))
	pooler.Stderr = os.Stderr
	if err := pooler.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pooler.Process.Kill()
		_ = pooler.Wait() // killed
	})
	address = fmt.Sprint("127.0.0.1:", port)
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer didn't start: %v", err)
		}
	}
}
