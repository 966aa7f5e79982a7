package web

import "net/http/pprof"

// profiles adds what Go's runtime tells of the process (see net/http/pprof) to the operators' listener. Its command line,
// which may hold passwords, isn't told.
func (o operators) profiles() {
	o.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	o.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	o.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	o.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
