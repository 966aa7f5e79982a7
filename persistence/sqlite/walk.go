package sqlite

import (
	"context"
	"fmt"
	"strings"

	"verdict"
)

// headColumns are transactionColumns but the payload, which fills pages of its own if it is large.
var headColumns = strings.Replace(transactionColumns, "payload", "NULL", 1)

var walk = `SELECT ` + headColumns + ` FROM transactions WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT +?`

// Walk implements verdict.Store.
func (s *Store) Walk(ctx context.Context, from, below string, limit int) ([]verdict.Transaction, error) {
	found, err := read(ctx, s, scanTransaction, walk, from, below, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("walk through transactions: %w", err)
	}
	return found, nil
}
