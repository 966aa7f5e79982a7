package postgres

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// nameHosts has the addresses noted that the hosts of a URL turn out to have, with the names of those hosts.
func nameHosts(c *pgx.ConnConfig) (names map[string][]string) {
	names = map[string][]string{}
	lookup := c.LookupFunc
	c.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		found, err := lookup(ctx, host)
		for _, address := range found {
			names[address] = append(names[address], host)
		}
		return found, err
	}
	return names
}

// reached is the host, as the URL names it, and the port that a connection leads to. Of a socket the host is the folder.
func reached(conn *pgx.Conn, names map[string][]string) (host string, port uint16) {
	switch remote := conn.PgConn().Conn().RemoteAddr().(type) {
	case *net.TCPAddr:
		host, port = (&net.IPAddr{IP: remote.IP, Zone: remote.Zone}).String(), uint16(remote.Port)
		for _, name := range names[host] {
			if tried(conn.Config(), name, port) {
				return name, port
			}
		}
		return host, port
	case *net.UnixAddr: // such as /run/postgresql/.s.PGSQL.5432
		n, err := strconv.ParseUint(strings.TrimPrefix(filepath.Ext(remote.Name), "."), 10, 16)
		if err == nil {
			return filepath.Dir(remote.Name), uint16(n)
		}
	}
	return conn.Config().Host, conn.Config().Port
}

// tried reports whether a URL names a host with that port.
func tried(c *pgx.ConnConfig, host string, port uint16) bool {
	return c.Host == host && c.Port == port || slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return f.Host == host && f.Port == port
	})
}
