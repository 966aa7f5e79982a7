package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// up starts all services, in the order in which they need each other.
func (s *stage) up() {
	s.t.Helper()
	s.partner()
	s.postgres()
	nodes := []string{"nats-1", "nats-2", "nats-3"}
	for _, name := range nodes {
		s.nats(name)
	}
	for _, name := range nodes {
		s.until(name, 30*time.Second, func() bool { return answers("http://" + s.hosts[name] + ":8222/healthz") })
	}
	for _, name := range []string{"gateway-1", "gateway-2", "gateway-3"} {
		s.gateway(name)
	}
	for _, name := range []string{"gateway-1", "gateway-2", "gateway-3"} {
		s.untilReady(name)
	}
	s.balancer()
}

// partner is a misbehaving one that lives ten times as fast, and bans nobody.
func (s *stage) partner() {
	c := exec.Command(binary, "thirdparty", "--address", s.partnerAddress(), "--speed", "10", "--ban-after", "-1")
	c.Env = []string{"SSL_CERT_FILE=" + s.certificate()} // for its webhooks
	s.start("partner", c)
	s.until("the partner", 10*time.Second, func() bool { return answers("http://" + s.partnerAddress() + "/ledger") })
}

func (s *stage) partnerAddress() string { return s.network + partnerHost + ":" + partnerPort }

func (s *stage) postgres() {
	s.t.Helper()
	initdb, err := filepath.EvalSymlinks(need(s.t, "initdb", "/usr/lib/postgresql/*/bin/initdb", "apt-get install postgresql"))
	if err != nil {
		s.t.Fatal(err)
	}
	service, host := s.project.Services["postgres"], s.hosts["postgres"]
	given := service.Environment
	dir, password := s.folder("postgres"), filepath.Join(s.dir, "password")
	s.write(password, *given["POSTGRES_PASSWORD"])
	var uid, gid uint32
	if os.Geteuid() == 0 { // PostgreSQL refuses root
		uid, gid = s.ids("postgres")
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			s.t.Fatal(err)
		}
	}
	run := func(program string, args ...string) *exec.Cmd {
		c := as(exec.Command(filepath.Join(filepath.Dir(initdb), program), args...), uid, gid)
		c.Dir, c.Env = dir, append(os.Environ(), "PGPASSWORD="+*given["POSTGRES_PASSWORD"])
		return c
	}
	makes := run("initdb", "--pgdata", dir+"/data", "--username", *given["POSTGRES_USER"], "--pwfile", password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := makes.CombinedOutput(); err != nil {
		s.t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.start("postgres", run(service.Command[0], append(service.Command[1:], "-D", dir+"/data", "-k", dir, "-h", host)...))
	s.until("PostgreSQL", 30*time.Second, func() bool {
		return run("createdb", "-h", host, "-U", *given["POSTGRES_USER"], *given["POSTGRES_DB"]).Run() == nil
	})
}

// natsServer builds the server of the module that the gateway embeds, once.
var natsServer = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(filepath.Dir(binary), "nats-server")
	build := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build nats-server: %w\n%s", err, out)
	}
	return path, nil
})

func (s *stage) nats(name string) {
	s.t.Helper()
	program, err := natsServer()
	if err != nil {
		s.t.Fatal(err)
	}
	c := exec.Command(program, "--config", s.file("nats.conf", "0.0.0.0", s.hosts[name], "/data", s.folder(name)))
	c.Env = s.environ(name)
	s.start(name, c)
}

// gateway starts one: as root in a root folder that it can't write, with nothing in it but the binary and its settings.
func (s *stage) gateway(name string) {
	s.t.Helper()
	service := s.project.Services[name]
	settings := service.Volumes[0].Target
	root := s.folder(name)
	s.folder(name + filepath.Dir(settings))
	balancer := s.project.Services["loadbalancer"].Networks["apps"].Ipv4Address
	given := s.file("verdict.yaml", "0.0.0.0", s.hosts[name], "127.0.0.1", s.hosts[name], balancer, s.hosts["loadbalancer"])
	if err := os.Rename(given, root+settings); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command("cp", "--update", binary, root+"/verdict").CombinedOutput(); err != nil {
		s.t.Fatalf("cp: %v\n%s", err, out)
	}
	c := as(exec.Command("/verdict", service.Command...), 65532, 65532)
	if os.Geteuid() == 0 {
		c.SysProcAttr.Chroot, c.Dir = root, "/"
	} else {
		c.Path, c.Dir = root+"/verdict", root
		c.Args[len(c.Args)-1] = root + settings
	}
	// The times it knows of the partner are as short as the partner's are here.
	c.Env = append(s.environ(name), "VERDICT_SCHEDULE_CHECKS=5s,5s,5s,10s,10s",
		"VERDICT_PROVIDERS_DJAMO_SUBMIT_TIMEOUT=5s", "VERDICT_PROVIDERS_DJAMO_NOT_FOUND_FINAL=16s")
	s.start(name, c)
}

func (s *stage) untilReady(name string) {
	s.t.Helper()
	s.until(name, 30*time.Second, func() bool { return answers("http://" + s.hosts[name] + ":5002/readyz") })
}

func (s *stage) balancer() {
	s.t.Helper()
	host := s.hosts["loadbalancer"]
	haproxy := need(s.t, "haproxy", "/usr/sbin/haproxy", "apt-get install haproxy")
	file := s.file("haproxy.cfg", "bind :", "bind "+host+":", "127.0.0.1:8404", host+":8404",
		"/run/secrets/verdict.pem", s.certificate(), "maxconn 60000", "maxconn 1000")
	for _, args := range [][]string{{"-c"}, {"-db"}} {
		c := exec.Command(haproxy, append(args, "-f", file)...)
		c.Env = s.environ("loadbalancer")
		if args[0] == "-db" {
			s.start("loadbalancer", c)
		} else if out, err := c.CombinedOutput(); err != nil || strings.Contains(string(out), "WARNING") {
			s.t.Fatalf("haproxy -c: %v\n%s", err, out)
		}
	}
	s.until("the load balancer", 10*time.Second, func() bool { return answers(s.balancerHealth()) })
}

// balancerHealth is answered 200 while the load balancer has a gateway to send to.
func (s *stage) balancerHealth() string { return "http://" + s.hosts["loadbalancer"] + ":8404/healthz" }

// certificate returns a PEM file with a key and a certificate for the load balancer's address.
func (s *stage) certificate() string {
	s.t.Helper()
	file := filepath.Join(s.dir, "verdict.pem")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.ParseIP(s.hosts["loadbalancer"])},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return file
}

// roots are what clients trust.
func (s *stage) roots() *x509.CertPool {
	s.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(read(s.t, s.certificate()))) {
		s.t.Fatal("no certificate")
	}
	return pool
}

// kill ends a service at once.
func (s *stage) kill(name string) {
	s.t.Helper()
	s.signal(name, syscall.SIGKILL)
}
