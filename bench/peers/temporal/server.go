package main

import (
	"fmt"
	"net"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

const (
	namespace   = "default"
	clusterName = "active"
)

// startServer starts Temporal's four services in this process, on loopback, with a record in a file, and returns the address of
// its frontend. What concerns the record is as in the file config/development-sqlite-file.yaml that Temporal's server comes with:
// one shard, one connection, WAL, synchronous=FULL.
func startServer(file string) (s temporal.Server, frontend string, err error) {
	record := &config.SQL{
		PluginName: sqliteplugin.PluginName, DatabaseName: file, MaxConns: 1, MaxIdleConns: 1,
		ConnectAttributes: map[string]string{"cache": "private", "setup": "true", "journal_mode": "wal", "synchronous": "2"},
	}
	c := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: "record", VisibilityStore: "record", NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{"record": {SQL: record}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Archival: config.Archival{
			History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History: config.HistoryArchivalNamespaceDefaults{State: "disabled"}, Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		Services: map[string]config.Service{},
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for _, name := range temporal.DefaultServices {
		port, err := freePort()
		if err != nil {
			return nil, "", err
		}
		c.Services[name] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: "127.0.0.1"}}
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(fmt.Sprintf("127.0.0.1:%d", port))
	}
	frontend = hosts[primitives.FrontendService].Self
	c.ClusterMetadata.ClusterInformation = map[string]cluster.ClusterInformation{
		clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
	}
	n, err := sqlite.NewNamespaceConfig(clusterName, namespace, false, nil)
	if err == nil {
		err = sqlite.CreateNamespaces(record, n)
	}
	if err != nil {
		return nil, "", err
	}
	s, err = temporal.NewServer(
		temporal.WithConfig(c), temporal.ForServices(temporal.DefaultServices), temporal.WithStaticHosts(hosts),
		temporal.WithLogger(log.NewZapLogger(log.BuildZapLogger(log.Config{Stdout: true, Level: "error"}))),
	)
	if err != nil {
		return nil, "", err
	}
	return s, frontend, s.Start()
}

// freePort returns a port of loopback where nobody listens at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
