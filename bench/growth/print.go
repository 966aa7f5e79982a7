package growth

import (
	"fmt"
	"io"
	"time"
)

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	fmt.Fprintf(to, "%d settled transactions were filled in within %s: %.0f bytes each in the database's file\n\n", r.Rows, r.Fill.Round(time.Second), r.Each)
	return r.Paths.Print(to)
}
