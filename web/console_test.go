package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheConsoleIsServedToItsOwnOriginAlone(t *testing.T) {
	d := newDesk(t)
	own := []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:5001"}
	for path, kind := range map[string]string{
		"/": "text/html", "/index.html": "text/html", "/main.js": "text/javascript", "/style.css": "text/css",
		"/base.css": "text/css", "/words.js": "text/javascript", "/icon.svg": "image/svg+xml",
	} {
		answer := d.do("GET", path, "", own...)
		policy := answer.Header().Get("Content-Security-Policy")
		if answer.Code != http.StatusOK || !strings.HasPrefix(answer.Header().Get("Content-Type"), kind) ||
			!strings.Contains(policy, "default-src 'none'; script-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d %v", path, answer.Code, answer.Header())
		}
		for _, foreign := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}} {
			wantProblem(t, d.do("GET", path, "", foreign...), foreignOrigin)
		}
		wantProblem(t, d.do("GET", path, "", "Host", "evil.example:5001", "Sec-Fetch-Site", "same-origin"), wrongHost)
	}
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}
	if answer := d.do("GET", "/", "", link...); answer.Code != http.StatusOK || !strings.Contains(answer.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("a link leads to %d %v", answer.Code, answer.Header())
	}
	for _, path := range []string{"/v1/figures", "/main.js"} {
		wantProblem(t, d.do("GET", path, "", link...), foreignOrigin)
	}
	for _, path := range []string{"/scenes.js", "/phone.js", "/client/index.js", "/../admin.go", "/page/base.css"} { // the demo's own
		wantProblem(t, d.do("GET", path, ""), noPage)
	}
}
