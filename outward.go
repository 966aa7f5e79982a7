package verdict

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Outward makes connections to hosts that the operator has named: a partner's, an issuer's, an app's backend. What a name
// points to is for the owner of its zone to say, or for whoever deceives our resolver, and it may change between two calls
// (DNS rebinding). So the address is judged when the name has been looked up, right before the connection is made.
//
// Public addresses may be called. Loopback may if that is what was named: an address of it, or localhost. Private networks
// may if an address was named, or Private says so. What only a machine's own services answer to, such as a cloud's metadata,
// is never called.
//
// Around an http.Transport set no Proxy: the proxy's address would be judged, and not the host's.
type Outward struct {
	Private  bool          // names may point to private networks (RFC 1918, RFC 4193, RFC 6598)
	Timeout  time.Duration // of a connection; 0: the system's
	Resolver *net.Resolver // nil: the system's
}

// AddressError is the error of a host that is not to be called at the address that it points to.
type AddressError struct {
	Host    string
	Address netip.Addr
	Kind    string // of address: "loopback", "private" or "local"
}

func (e *AddressError) Error() string {
	mend := "which is never called"
	switch e.Kind {
	case private:
		mend = "which is called only if it is named itself, or where allow_private is set"
	case loopback:
		mend = "which is called only as localhost, or if it is named itself"
	}
	return fmt.Sprintf("%s points to the %s address %s, %s", e.Host, e.Kind, e.Address, mend)
}

// DialContext connects to a host and port, as net.Dialer's does, unless the address is not to be called: then the error is
// an *AddressError, and not one byte has left.
func (o Outward) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{
		Timeout: o.Timeout, Resolver: o.Resolver,
		ControlContext: func(_ context.Context, _, found string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(found)
			if err != nil {
				return err
			}
			return o.judge(host, at.Addr())
		},
	}
	return dialer.DialContext(ctx, network, address)
}

// Check looks a host up and returns an *AddressError if it points to nothing that may be called. Another error says that
// it can't be told now. It is no substitute for what DialContext does, but it tells an operator early.
func (o Outward) Check(ctx context.Context, host string) error {
	resolver := o.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	var refused []error
	for _, a := range found {
		err := o.judge(host, a)
		if err == nil {
			return nil
		}
		refused = append(refused, err)
	}
	return errors.Join(refused...)
}

// judge returns why a host that points to an address isn't called there.
func (o Outward) judge(host string, a netip.Addr) error {
	_, notLiteral := netip.ParseAddr(host)
	named := notLiteral == nil
	switch kind := addressKind(a); {
	case kind == public, kind == private && (named || o.Private), kind == loopback && (named || isLocalhost(host)):
		return nil
	default:
		return &AddressError{Host: host, Address: a, Kind: kind}
	}
}

func isLocalhost(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// The kinds of addresses.
const (
	public   = "public"
	loopback = "loopback"
	private  = "private"
	local    = "local" // of the machine or the link: nobody is meant who was named
)

// localNetworks hold what no host that an operator names is at (IANA's special-purpose address registries), and where clouds
// tell a machine its secrets, of which most are link-local.
var localNetworks = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "fe80::/10", "fec0::/10", "ff00::/8", "100::/64", "2001::/32",
	"100.100.100.200/32", // Alibaba Cloud
	"168.63.129.16/32",   // Azure
	"fd00:ec2::/32",      // AWS
	"fd20:ce::254/128",   // Google Cloud
)

// privateNetworks are those of RFC 1918, RFC 6598 (carriers' and overlay networks), RFC 2544, RFC 4193 and RFC 8215.
var privateNetworks = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "64:ff9b:1::/48",
)

func prefixes(list ...string) []netip.Prefix {
	found := make([]netip.Prefix, len(list))
	for i, text := range list {
		found[i] = netip.MustParsePrefix(text)
	}
	return found
}

func addressKind(a netip.Addr) string {
	a = translated(a.Unmap().WithZone(""))
	switch {
	case a.IsLoopback():
		return loopback
	case within(localNetworks, a):
		return local
	case within(privateNetworks, a):
		return private
	}
	return public
}

func within(networks []netip.Prefix, a netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// translators are networks whose addresses hold one of IPv4, to which packets go in the end, and where in its bytes.
var translators = map[netip.Prefix]int{
	netip.MustParsePrefix("64:ff9b::/96"): 12, // RFC 6052 section 2.1
	netip.MustParsePrefix("2002::/16"):    2,  // RFC 3056 section 2
}

// translated returns the IPv4 address in one that stands for it.
func translated(a netip.Addr) netip.Addr {
	for n, at := range translators {
		if n.Contains(a) {
			bytes := a.As16()
			return netip.AddrFrom4([4]byte(bytes[at : at+4]))
		}
	}
	return a
}
