package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"verdict/web/admin"
)

// readOrigins checks the origins whose pages may call us. Browsers send them in lower case and without a path.
func readOrigins(list []string) (map[string]bool, error) {
	origins := map[string]bool{}
	for _, text := range list {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || text != u.Scheme+"://"+u.Host {
			return nil, fmt.Errorf("origin %q: give scheme, host and port only, such as https://shop.example", text)
		}
		origins[strings.ToLower(text)] = true
	}
	return origins, nil
}

// mayCall reports whether the page that a request comes from, if any, may call us: one of our own host and port (behind
// a proxy, the one that it passes on as Host), or of an allowed origin. The scheme is not compared, because a proxy may
// end TLS in front of us.
func (s *Server) mayCall(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	if s.origins[origins[0]] {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// isHere reports whether a request calls us by a name of ours. A page may have made its own name point to this machine (DNS
// rebinding), and is of our origin then.
func (s *Server) isHere(r *http.Request) bool {
	return s.hosts == nil || admin.Loopback(r.Host) || slices.ContainsFunc(s.hosts, func(name string) bool { return strings.EqualFold(name, r.Host) })
}

// guardOrigin guards what apps call: pages of other origins are refused (a page on another port of the same site could use
// the user's cookies), and those of allowed origins may read the answer (CORS). Answers are for their user alone.
func (s *Server) guardOrigin(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header()["Vary"] = byOrigin
		w.Header()["Cache-Control"] = noStore
		if !s.isHere(r) {
			return refusal{wrongHost, "Nothing was stored. Where nobody is asked who they are, call this gateway as localhost or 127.0.0.1, or by the name in its public_url: a page that makes a name of its own point here must not be served."}
		}
		if !s.mayCall(r) {
			return refusal{kind: foreignOrigin}
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true") // for the cookie
			w.Header().Set("Access-Control-Expose-Headers",
				"Content-Language, Idempotency-Key-Retention, Idempotent-Replayed, Location, Preference-Applied, Retry-After")
		}
		return h(w, r)
	}
}

// preflight answers a browser that asks whether a page may call us; the page's origin has been checked.
func (s *Server) preflight(allow string) handler {
	return s.guardOrigin(func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, Verdict-Subject")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
}
