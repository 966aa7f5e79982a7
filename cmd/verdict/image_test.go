package main

import (
	"os"
	"regexp"
	"testing"
)

// image returns what a line of the Dockerfile says.
func image(t *testing.T, line string) string {
	t.Helper()
	file, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile("(?m)^" + line + "$").FindSubmatch(file)
	if said == nil {
		t.Fatalf("the Dockerfile has no line %s", line)
	}
	return string(said[1])
}

// TestTheImageAsksItself holds the health check of the image to the commands and the settings that there are.
func TestTheImageAsksItself(t *testing.T) {
	t.Parallel()
	cmd, _, err := commands().Find([]string{image(t, `HEALTHCHECK .*CMD \["/verdict", "(\w+)"\]`)})
	if err != nil {
		t.Fatal(err)
	}
	if asked, c := cmd.Flag("admin").DefValue, mustReadConfig(t, ""); asked != "http://"+c.Admin.Address {
		t.Errorf("it asks %s, and the gateway of the image listens at %s", asked, c.Admin.Address)
	}
}

// The image's root is read-only, and holds nothing but the binary: what SQLite sorts in files needs another place.
func TestTheImageHasRoomForTemporaryFiles(t *testing.T) {
	t.Parallel()
	if room, volume := image(t, "ENV SQLITE_TMPDIR=(.+)"), image(t, "VOLUME (.+)"); room != volume {
		t.Errorf("they go to %s, and what can be written is %s", room, volume)
	}
}
