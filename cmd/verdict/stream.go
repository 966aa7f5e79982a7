package main

import (
	"log/slog"

	"verdict/hub/stream"
)

// streamConfig says where commands and events go: to an embedded server in a folder, or to servers elsewhere.
type streamConfig struct {
	Dir         string    `koanf:"dir"` // unused where there is a URL
	URL         string    `koanf:"url"`
	Credentials string    `koanf:"credentials"`
	TLS         tlsConfig `koanf:"tls"`
	Replicas    int       `koanf:"replicas"`
}

type tlsConfig struct {
	CA   string `koanf:"ca"`
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
}

// at is where to open the stream.
func (s streamConfig) at(log *slog.Logger) stream.Config {
	c := stream.Config{
		Dir: s.Dir, URL: s.URL, Credentials: s.Credentials, TLS: stream.TLS(s.TLS), Replicas: s.Replicas, Log: log,
	}
	if c.URL != "" {
		c.Dir = "" // by its default it is never empty
	}
	return c
}
