package momo

import (
	"errors"
	"fmt"
	"regexp"

	"verdict"
)

// The partner wants version 4 UUIDs (RFC 9562 section 5.4) for references, and ours are version 7 (section 5.7). They
// differ in one character, the version, so we send ours with a 4 there. Two of ours never become one: the other 31
// characters hold the time and 74 random bits as before, and the version is the same in all of ours. For the same reason
// the way back is exact.
const versionAt = 14

var (
	uuid         = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	errReference = errors.New("the reference isn't a UUIDv7")
)

// wireReference returns our reference as the partner is told it. It returns ErrNotSent if it isn't a UUIDv7.
func wireReference(ours string) (string, error) {
	if !uuid.MatchString(ours) || ours[versionAt] != '7' {
		return "", fmt.Errorf("%w: %w", errReference, verdict.ErrNotSent)
	}
	return withVersion(ours, "4"), nil
}

// ourReference returns a reference of the partner as we know it, or "" if it can't be one of ours.
func ourReference(theirs string) string {
	if !uuid.MatchString(theirs) || theirs[versionAt] != '4' {
		return ""
	}
	return withVersion(theirs, "7")
}

func withVersion(id, version string) string { return id[:versionAt] + version + id[versionAt+1:] }
