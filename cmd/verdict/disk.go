package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"

	"verdict"
	"verdict/web/admin"
)

// diskSpace watches over the room in the folders that grow: the record's and the embedded stream's, where they are on this
// machine. Below the floor the instance asks for no more requests, so that there is room for what becomes of those it took.
type diskSpace struct {
	folders map[string]string // by what is in it
	floor   uint64            // bytes; 0: none
}

// newDiskSpace finds the folders of a store and of the embedded stream.
func newDiskSpace(c config, store verdict.Store) diskSpace {
	d := diskSpace{folders: map[string]string{}, floor: c.Admin.floor()}
	if record, ok := store.(interface{ Folder() string }); ok {
		d.folders["database"] = record.Folder()
	}
	if c.Stream.URL == "" {
		d.folders["stream"] = c.Stream.Dir
	}
	return d
}

// concerns are the folders, each in need of room. Without any for the record no request can be kept; without any for the
// stream verdicts come later.
func (d diskSpace) concerns() []admin.Concern {
	var all []admin.Concern
	for _, holds := range slices.Sorted(maps.Keys(d.folders)) {
		all = append(all, admin.Concern{
			Name: holds + " disk", Vital: holds == "database",
			Check: func(context.Context) error { return d.check(d.folders[holds]) },
		})
	}
	return all
}

// check says whether a folder is short of room, and the mend.
func (d diskSpace) check(folder string) error {
	free, err := freeBytes(folder)
	if err != nil {
		return fmt.Errorf("nobody knows how much room is left: %w", err)
	}
	if free < d.floor {
		return fmt.Errorf("%s are left in %s, and admin.min_free_disk wants %s: free some, or give it a larger disk",
			humanize.IBytes(free), folder, humanize.IBytes(d.floor))
	}
	return nil
}

// metrics returns the collectors of how much room there is.
func (d diskSpace) metrics() []prometheus.Collector {
	all := []prometheus.Collector{prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "verdict_disk_floor_bytes", Help: "With less room than this for the database the instance is not ready (admin.min_free_disk).",
	}, func() float64 { return float64(d.floor) })}
	for holds, folder := range d.folders {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "verdict_disk_free_bytes", Help: "Room in the folder of the database and of the embedded stream.",
			ConstLabels: prometheus.Labels{"holds": holds},
		}, func() float64 {
			free, err := freeBytes(folder)
			if err != nil {
				return math.NaN()
			}
			return float64(free)
		}))
	}
	return all
}

// freeBytes is how much a folder's file system has left for us, who aren't root. A folder that was deleted is made again
// where it was, so its parent's file system is meant.
func freeBytes(folder string) (uint64, error) {
	var fs syscall.Statfs_t
	err := syscall.Statfs(folder, &fs)
	if above := filepath.Dir(folder); errors.Is(err, syscall.ENOENT) && above != folder {
		return freeBytes(above)
	}
	if err != nil {
		return 0, fmt.Errorf("statfs %s: %w", folder, err)
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}
