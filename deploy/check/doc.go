// Package check holds what lies in deploy/ against the gateway itself: its settings, its times, its metrics. It also runs
// the cluster of compose.cluster.yaml as processes, without containers. It is a module of its own, so that nothing it needs
// becomes part of Verdict.
//
//	go -C deploy/check test ./...
package check
