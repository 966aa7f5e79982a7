package stream

import (
	"fmt"

	"verdict"
)

const (
	commandPrefix = "verdict.command."
	eventSubject  = "verdict.event"
)

// probes are where an empty message shows whether a stream takes any. No worker asks for that command, so it ages away, and
// Follow skips events that are empty.
var probes = map[string]string{
	commandStream: commandPrefix + "probe",
	eventStream:   eventSubject,
}

// commandSubject returns where commands of that kind for that provider are published. Both are one token of a subject
// and part of a consumer's name, so they are kept to characters that mean nothing there.
func commandSubject(provider string, kind verdict.Kind) (string, error) {
	if !token(provider) || !token(string(kind)) {
		return "", fmt.Errorf("no subject for %q of provider %q; use a-z, 0-9, _ and -", kind, provider)
	}
	return commandPrefix + provider + "." + string(kind), nil
}

func token(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != ""
}
