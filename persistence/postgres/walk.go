package postgres

import (
	"context"
	"fmt"
	"strings"

	"verdict"
)

// headColumns are transactionColumns but the payload, which is kept in a table of its own if it is large.
var headColumns = strings.Replace(transactionColumns, "payload", "NULL::bytea", 1)

var walk = `SELECT ` + headColumns + ` FROM transactions WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3`

// Walk implements verdict.Store.
func (s *Store) Walk(ctx context.Context, from, below string, limit int) ([]verdict.Transaction, error) {
	found, err := read(ctx, s, scanTransaction, walk, word(from), word(below), max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("walk through transactions: %w", err)
	}
	return found, nil
}
