package postgres

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"verdict/persistence/postgres/postgrestest"
)

func TestOpenSaysTheMend(t *testing.T) {
	newer, foreign, weak := newURL(t), newURL(t), newURL(t)
	for _, url := range []string{newer, weak} {
		openAt(t, url)
	}
	run(t, newer, "INSERT INTO schema_version (version) VALUES (99)")
	schema := foreign[strings.LastIndex(foreign, "=")+1:]
	run(t, foreign, "CREATE SCHEMA "+schema+"; CREATE TABLE transactions (id int)")

	for url, mend := range map[string]string{
		newer:                              fmt.Sprintf("its schema is version 99, which takes a verdict that knows version 99 or later, and this one knows %d; upgrade verdict", len(released(t))),
		foreign:                            "give a database or schema that Verdict made, or an empty one",
		weak + "&synchronous_commit=off":   "ALTER ROLE \"verdict\" SET synchronous_commit = on",
		weak + "&synchronous_commit=local": "ALTER ROLE \"verdict\" SET synchronous_commit = on",
		weak:                               "set fsync = on in postgresql.conf",
		weak + "&default_query_exec_mode=simple_protocol": "give default_query_exec_mode=cache_describe",
		server.URL("a,b"):                                                              "give one name",
		"postgres://verdict:secret@127.0.0.1:1/x":                                      "connection refused",
		"postgres://verdict:secret@127.0.0.1:port/x":                                   "give postgres://user:password@host:5432/database",
		"postgres://verdict:secret/more@127.0.0.1/x":                                   "give postgres://user:password@host:5432/database",
		"postgres://verdict:se%cret@127.0.0.1/x":                                       "give postgres://user:password@host:5432/database",
		"postgres://127.0.0.1/x?password=secret&sslpassword=secret2&sslmode=sometimes": "give postgres://user:password@host:5432/database",
		"postgres://127.0.0.1:1/x?password=secret&sslpassword=secret2":                 "connection refused",
	} {
		must := durable
		if url == newer || url == foreign || strings.Contains(url, "a,b") {
			must = anyServer
		}
		s, err := open(t.Context(), url, must)
		if err == nil {
			t.Errorf("%s was opened", url)
			_ = s.Close()
		} else if text := err.Error(); !strings.Contains(text, mend) || strings.Contains(text, "secret") || strings.Contains(text, "%cr") {
			t.Errorf("%s: error %q doesn't say %q, or shows the password", url, err, mend)
		}
	}
}

func TestAServerThatSyncsIsTaken(t *testing.T) {
	own := postgrestest.New(t)
	for _, more := range []string{"", "&synchronous_commit=remote_apply", "&default_query_exec_mode=cache_statement", "&default_query_exec_mode=describe_exec"} {
		s, err := Open(t.Context(), own.URL(newSchema())+more)
		if err != nil {
			t.Errorf("%s: %v", more, err)
			continue
		}
		settle(t, s, create(t, s, "one"))
		stands(t, s, "one", true)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestManyMayOpenANewDatabaseAtOnce(t *testing.T) {
	url := newURL(t)
	var opening sync.WaitGroup
	secrets := make([][]byte, 8)
	for i := range secrets {
		opening.Go(func() {
			s, err := open(t.Context(), url, anyServer)
			if err != nil {
				t.Error(err)
				return
			}
			if secrets[i], err = s.Secret(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	for _, secret := range secrets {
		if len(secret) != 32 || !bytes.Equal(secret, secrets[0]) {
			t.Errorf("secrets %x and %x of one store", secret, secrets[0])
		}
	}
}
