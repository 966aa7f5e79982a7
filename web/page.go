package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

//go:embed page console client/dist/*.js
var pages embed.FS

//go:embed openapi.json
var openapi []byte

//go:embed asyncapi.json
var asyncapi []byte

// servePages routes the files of the demo page and of the client that it uses: each by its name, and index.html as / too.
func (s *Server) servePages() error {
	for folder, at := range map[string]string{"page": "/", "client/dist": "/client/"} {
		if err := s.serveFolder(folder, at); err != nil {
			return fmt.Errorf("web: read the page: %w", err)
		}
	}
	return nil
}

func (s *Server) serveFolder(folder, at string) error {
	files, err := pages.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := pages.ReadFile(folder + "/" + file.Name())
		if err != nil {
			return err
		}
		serve := func(w http.ResponseWriter, r *http.Request) {
			pageHeaders(w.Header(), r.Host)
			serveFile(w, r, file.Name(), content)
		}
		s.mux.HandleFunc("GET "+at+file.Name(), serve)
		if file.Name() == "index.html" {
			s.mux.HandleFunc("GET "+at+"{$}", serve)
		}
	}
	return nil
}

// file serves a file of the API.
func file(name string, content []byte) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		serveFile(w, r, name, content)
		return nil
	}
}

// serveFile serves a file that changes only with the program: browsers keep it and ask whether it is still the same.
func serveFile(w http.ResponseWriter, r *http.Request, name string, content []byte) {
	sum := sha256.Sum256(content)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
