package verdict

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWhereAHostMayPoint(t *testing.T) {
	for _, tt := range []struct {
		host, at      string
		plain, wanted bool // may it be called; and with Private
	}{
		{"partner.example", "93.184.216.34", true, true},
		{"partner.example", "2606:2800:220:1::1", true, true},
		{"partner.example", "64:ff9b::5db8:d822", true, true}, // 93.184.216.34 behind NAT64
		{"partner.example", "10.1.2.3", false, true},
		{"partner.example", "172.31.0.1", false, true},
		{"partner.example", "192.168.0.1", false, true},
		{"partner.example", "100.64.0.1", false, true},
		{"partner.example", "fd12::1", false, true},
		{"partner.example", "::ffff:10.1.2.3", false, true},
		{"partner.example", "64:ff9b::a01:203", false, true}, // 10.1.2.3 behind NAT64
		{"partner.example", "127.0.0.1", false, false},
		{"partner.example", "127.8.8.8", false, false},
		{"partner.example", "::1", false, false},
		{"partner.example", "::ffff:127.0.0.1", false, false},
		{"partner.example", "2002:7f00:1::", false, false}, // 127.0.0.1 by 6to4
		{"partner.example", "0.0.0.0", false, false},
		{"partner.example", "::", false, false},
		{"partner.example", "169.254.169.254", false, false},
		{"partner.example", "::ffff:169.254.169.254", false, false},
		{"partner.example", "64:ff9b::a9fe:a9fe", false, false}, // 169.254.169.254 behind NAT64
		{"partner.example", "fe80::1%eth0", false, false},
		{"partner.example", "fd00:ec2::254", false, false},
		{"partner.example", "100.100.100.200", false, false},
		{"partner.example", "168.63.129.16", false, false},
		{"partner.example", "224.0.0.1", false, false},
		{"partner.example", "255.255.255.255", false, false},
		{"localhost", "127.0.0.1", true, true},
		{"LOCALHOST.", "::1", true, true},
		{"localhost", "10.1.2.3", false, true},
		{"localhost.example", "127.0.0.1", false, false},
		{"2130706433", "127.0.0.1", false, false}, // as some resolvers read a number
		{"127.0.0.1", "127.0.0.1", true, true},
		{"10.1.2.3", "10.1.2.3", true, true},
		{"fd12::1", "fd12::1", true, true},
		{"169.254.169.254", "169.254.169.254", false, false},
	} {
		at := netip.MustParseAddr(tt.at)
		if err := (Outward{}).judge(tt.host, at); (err == nil) != tt.plain {
			t.Errorf("%s at %s: got %v", tt.host, tt.at, err)
		}
		if err := (Outward{Private: true}).judge(tt.host, at); (err == nil) != tt.wanted {
			t.Errorf("%s at %s, private networks allowed: got %v", tt.host, tt.at, err)
		}
	}
}

// TestANameThatIsPointedHereLaterIsNotCalled has a name point to a public address while it is looked at, and to a listener
// on this machine when it is called, as in DNS rebinding.
func TestANameThatIsPointedHereLaterIsNotCalled(t *testing.T) {
	listener, accepted := acceptAll(t)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	names := &rebinder{}
	names.point("93.184.216.34")
	o := Outward{Private: true, Resolver: &net.Resolver{PreferGo: true, Dial: names.dial}}
	if err := o.Check(t.Context(), "partner.example"); err != nil {
		t.Fatalf("while it is public: %v", err)
	}
	names.point("127.0.0.1")
	_, err = o.DialContext(t.Context(), "tcp", net.JoinHostPort("partner.example", port))
	var refused *AddressError
	if !errors.As(err, &refused) || refused.Kind != loopback || refused.Host != "partner.example" {
		t.Errorf("got %v, want an AddressError", err)
	}
	if err := o.Check(t.Context(), "partner.example"); !errors.As(err, new(*AddressError)) {
		t.Errorf("Check: got %v, want an AddressError", err)
	}
	if accepted.Load() != 0 {
		t.Error("a connection was made")
	}
	conn, err := o.DialContext(t.Context(), "tcp", listener.Addr().String()) // named itself
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestTheErrorOfAnAddressSaysTheMend(t *testing.T) {
	names := &rebinder{}
	names.point("10.1.2.3")
	o := Outward{Resolver: &net.Resolver{PreferGo: true, Dial: names.dial}}
	if _, err := o.DialContext(t.Context(), "tcp", "partner.example:80"); err == nil || !strings.Contains(err.Error(), "allow_private") {
		t.Errorf("got %v", err)
	}
}

func acceptAll(t *testing.T) (net.Listener, *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int32
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conn.Close()
		}
	})
	t.Cleanup(accepting.Wait)
	t.Cleanup(func() { listener.Close() })
	return listener, &accepted
}

// rebinder is a name server that says of every name what it was told last.
type rebinder struct{ at atomic.Pointer[netip.Addr] }

func (r *rebinder) point(to string) {
	a := netip.MustParseAddr(to)
	r.at.Store(&a)
}

func (r *rebinder) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go r.serve(far) // until the resolver closes its end
	return near, nil
}

// serve answers questions in DNS over a stream (RFC 1035 section 4.2.2): A with the address, others with nothing.
func (r *rebinder) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		const header, a = 12, 1
		end := header // of the name, then of the question
		for query[end] != 0 {
			end += int(query[end]) + 1
		}
		kind := binary.BigEndian.Uint16(query[end+1:])
		end += 5
		answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
		if kind == a {
			answer[7] = 1
			answer = append(answer, 0xc0, header, 0, a, 0, 1, 0, 0, 0, 0, 0, 4)
			answer = append(answer, r.at.Load().AsSlice()...)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}
