// Command pocketbase is PocketBase for bench/submit, with a collection of transactions whose key is unique. Whoever asks may
// add to it.
package main

import (
	"log"
	"os"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
)

func main() {
	address := "127.0.0.1:8090"
	if len(os.Args) == 3 && os.Args[1] == "--address" {
		address = os.Args[2]
	}
	os.Args = []string{os.Args[0], "serve", "--http", address, "--dir", "data"}
	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: connect})
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		if err := makeCollection(e.App); err != nil {
			return err
		}
		e.Router.GET("/", func(r *core.RequestEvent) error { return r.NoContent(200) })
		return e.Next()
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

// connect is core.DefaultDBConnect with synchronous=FULL, so that what is answered survives a power cut.
func connect(path string) (*dbx.DB, error) {
	const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)"
	return dbx.Open("sqlite", path+pragmas)
}

func makeCollection(app core.App) error {
	anybody := ""
	c := core.NewBaseCollection("transactions")
	c.CreateRule = &anybody
	c.Fields.Add(&core.TextField{Name: "key", Required: true}, &core.JSONField{Name: "payload"})
	c.AddIndex("transactions_key", true, "key", "")
	return app.Save(c)
}
