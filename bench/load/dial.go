package load

import (
	"context"
	"net"
	"time"
)

// perSource is how many clients share a source address, so that there are ports enough for any number.
const perSource = 1000

// Source is the loopback address that a client connects from: the first thousand from 127.0.0.2, the next from
// 127.0.0.3, and so on. All of 127.0.0.0/8 is local on Linux.
func Source(client int) net.IP {
	n := 2 + client/perSource
	return net.IPv4(127, 0, byte(n/250), byte(n%250))
}

// Dial connects a client to a server on loopback.
func Dial(ctx context.Context, client int, address string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: Source(client)}, Timeout: 10 * time.Second, KeepAlive: -1}
	return d.DialContext(ctx, "tcp4", address)
}
