package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// oldest is the first PostgreSQL that its makers still mend at the time of writing.
	oldest = 14

	// connectTimeout bounds how long it takes to connect, unless connect_timeout in the URL says otherwise.
	connectTimeout = 5 * time.Second
)

// schemaName is what needs no quotes.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// parse reads a URL. Its errors show nothing of it: where it can't be read, anything may be part of the password.
//
// Unless default_query_exec_mode in the URL says otherwise, statements are sent unnamed and their types are remembered
// here. PgBouncer before 1.21, and later ones unless they are told to, lose named statements between transactions; who has
// none, or tells it to, may give default_query_exec_mode=cache_statement: the server then plans each statement once, and
// stores half as much again in a second.
func parse(text string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(text)
	if err != nil || !unambiguous(text) {
		return nil, errBadURL
	}
	switch mode := &config.ConnConfig.DefaultQueryExecMode; {
	case !strings.Contains(text, "default_query_exec_mode="):
		*mode = pgx.QueryExecModeCacheDescribe
	case *mode == pgx.QueryExecModeExec, *mode == pgx.QueryExecModeSimpleProtocol: // which guess types
		return nil, errors.New("the URL of the database: give default_query_exec_mode=cache_describe or cache_statement")
	}
	if name := config.ConnConfig.RuntimeParams["search_path"]; name != "" && !schemaName.MatchString(name) {
		return nil, fmt.Errorf("the URL of the database: search_path=%s; give one name, of small letters, digits and _", name)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.PingTimeout = config.ConnConfig.ConnectTimeout // of a connection that was idle
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "verdict"
	}
	return config, nil
}

var errBadURL = errors.New("the URL of the database can't be read; give postgres://user:password@host:5432/database, with %40 for @, " +
	"%2F for / and %25 for % in a password, and parameters that PostgreSQL knows")

// unambiguous reports whether the user and password of a URL end where they seem to: else a part of the password would be
// taken for a host or a database, and be shown.
func unambiguous(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		rest = rest[i+1:]
	}
	return !strings.Contains(rest, "@")
}

// place is where the database is that a connection may be made to, without who asks and with what password.
func place(c *pgx.ConnConfig) string { return placeOf(c.Host, c.Port, c.Database, "") }

// placeOf is where a database is, and a schema unless that is the usual one. The host may be the folder of a socket.
func placeOf(host string, port uint16, database, schema string) string {
	u := url.URL{Scheme: "postgres", Path: "/" + database}
	query := url.Values{}
	if strings.HasPrefix(host, "/") {
		query.Set("host", host)
		query.Set("port", strconv.Itoa(int(port)))
	} else {
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	if schema != "" && schema != "public" {
		query.Set("search_path", schema)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

const serverSettings = `SELECT current_setting('server_version_num')::int / 10000, current_setting('synchronous_commit'),
	current_setting('fsync'), pg_is_in_recovery()`

// durable makes sure that a commit survives a power cut: the server syncs its log before it answers and before others see
// the change (https://www.postgresql.org/docs/current/runtime-config-wal.html).
func durable(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var synchronous, fsync string
	var replica bool
	if err := conn.QueryRow(ctx, serverSettings).Scan(&version, &synchronous, &fsync, &replica); err != nil {
		return err
	}
	switch {
	case version < oldest:
		return fmt.Errorf("PostgreSQL %d is too old; upgrade it to %d or later", version, oldest)
	case replica:
		return errors.New("it is a replica; give the primary's address, or several hosts and target_session_attrs=read-write")
	case !slices.Contains([]string{"on", "remote_apply"}, synchronous):
		return fmt.Errorf("synchronous_commit is %s, so a power cut could take back what was acknowledged; "+
			"ALTER ROLE %s SET synchronous_commit = on", synchronous, pgx.Identifier{conn.Config().User}.Sanitize())
	case fsync != "on":
		return fmt.Errorf("fsync is %s, so a power cut could take back what was acknowledged; set fsync = on in postgresql.conf", fsync)
	}
	return nil
}

// isCode reports whether err is an error of the server with one of those codes, or of those classes if they are of two
// characters (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func isCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.ContainsFunc(codes, func(code string) bool { return strings.HasPrefix(e.Code, code) })
}
