package main

import (
	"net/http"
	"strings"
	"testing"

	"verdict/web/auth"
)

// TestConsoleInChromium drives the operators' page in a real browser, before a partner that leaves things open and two
// backends, of which one wants to be told nothing.
func TestConsoleInChromium(t *testing.T) {
	for name, status := range map[string]int{"SHOP": http.StatusNoContent, "TILL": http.StatusGone} {
		b := newAppBackend(t)
		b.answers(status, nil)
		t.Setenv("VERDICT_NOTIFY_"+name+"_URL", b.URL)
		t.Setenv("VERDICT_NOTIFY_"+name+"_SECRETS", whsec(name))
	}
	o := newOffice(t)
	o.drive(t)
}

// TestConsoleAsksForTheKey does so where operators are asked who they are.
func TestConsoleAsksForTheKey(t *testing.T) {
	operator := auth.NewKey()
	t.Setenv("VERDICT_AUTH_KEYS_DESK_HASH", auth.Hash(operator))
	t.Setenv("VERDICT_AUTH_KEYS_DESK_ROLE", "operator")
	o := &office{world: &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}, admin: freeAddress(t)}
	launch(t, "msg=ready", append(o.serve("http://"+o.partner), "--admin-address", "0.0.0.0"+o.admin[strings.LastIndex(o.admin, ":"):])...)
	o.drive(t, "VERDICT_KEY="+operator)
}

// drive runs the tests of the console against an office.
func (o *office) drive(t *testing.T, environ ...string) {
	t.Helper()
	need(t, "chromium", "apt-get install chromium")
	runNode(t, "browsertest", append(environ, "VERDICT_URL=http://"+o.address, "VERDICT_ADMIN=http://"+o.admin), "console.test.mjs")
}
