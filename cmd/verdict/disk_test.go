package main

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"verdict/persistence/memory"
	"verdict/persistence/sqlite"
)

func TestTooLittleRoomIsToldWithItsFolderAndTheMend(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{dir, filepath.Join(dir, "deleted", "meanwhile")} {
		if err := (diskSpace{floor: 1}).check(folder); err != nil {
			t.Errorf("with room: %v", err)
		}
		err := diskSpace{floor: math.MaxUint64}.check(folder)
		if err == nil || !strings.Contains(err.Error(), folder) || !strings.Contains(err.Error(), "admin.min_free_disk wants 16 EiB") {
			t.Errorf("without: %v", err)
		}
	}
	if err := (diskSpace{}).check(os.DevNull + "/folder"); err == nil {
		t.Error("nobody knows, and all is well")
	}
}

func TestOnlyTheRecordsRoomIsVital(t *testing.T) {
	d := diskSpace{folders: map[string]string{"stream": t.TempDir(), "database": t.TempDir()}, floor: math.MaxUint64}
	vital := map[string]bool{}
	for _, c := range d.concerns() {
		vital[c.Name] = c.Vital
		if err := c.Check(t.Context()); err == nil {
			t.Errorf("%s is well", c.Name)
		}
	}
	if want := map[string]bool{"database disk": true, "stream disk": false}; !maps.Equal(vital, want) {
		t.Errorf("%v, want %v", vital, want)
	}
}

func TestTheFoldersThatGrowAreWatched(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "record", "verdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c := config{Stream: streamConfig{Dir: filepath.Join(dir, "stream")}, Admin: adminConfig{MinFree: "1KiB"}}
	d := newDiskSpace(c, store)
	if d.folders["database"] != filepath.Join(dir, "record") || d.folders["stream"] != c.Stream.Dir || d.floor != 1024 {
		t.Errorf("%+v", d)
	}
	c.Stream.URL = "nats://a:4222"
	if d := newDiskSpace(c, memory.New()); len(d.folders) != 0 {
		t.Errorf("nothing of ours is on this machine, and %v are watched", d.folders)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(d.metrics()...)
	families, err := registry.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%v %v", families, err)
	}
}
