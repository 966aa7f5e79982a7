package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"verdict"
	"verdict/web/admin"
)

// table writes rows in columns.
type table struct{ *tabwriter.Writer }

func newTable(to io.Writer) table { return table{tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)} }

// row writes cells without what a terminal would take for a command: apps and partners wrote some of them.
func (t table) row(cells ...string) {
	for i := range cells {
		cells[i] = printed(cells[i])
	}
	fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t")) // a failed write shows when it is flushed
}

func printed(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// shortened cuts a text to so many characters.
func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func printList(to io.Writer, list admin.List) error {
	return printTransactions(to, list.Transactions, list.Next)
}

func printTransactions(to io.Writer, list []admin.Transaction, next int64) error {
	t := newTable(to)
	t.row("ID", "STATUS", "STAGE", "CREATED", "PROVIDER", "OPERATION", "KEY", "CHECKS", "REASON")
	for _, tx := range list {
		t.row(tx.ID, string(tx.Status), string(tx.Stage), moment(tx.CreatedAt), tx.Provider, shortened(tx.Operation, 20),
			shortened(tx.Key, 30), fmt.Sprint(tx.Checks), shortened(tx.Reason, 60))
	}
	return finish(t, to, len(list), next)
}

func printConflicts(to io.Writer, list admin.ConflictList) error {
	t := newTable(to)
	t.row("NUMBER", "AT", "TRANSACTION", "VERDICT", "BUT", "SAYS", "REASON")
	for _, c := range list.Conflicts {
		t.row(fmt.Sprint(c.Number), moment(c.Evidence.At), c.Transaction.ID, string(c.Transaction.Status),
			string(c.Evidence.Outcome), string(c.Evidence.Source), shortened(c.Evidence.Reason, 60))
	}
	return finish(t, to, len(list.Conflicts), list.Next)
}

// finish writes a table, if it has rows, and where it goes on.
func finish(t table, to io.Writer, rows int, next int64) error {
	if rows == 0 {
		_, err := fmt.Fprintln(to, "There are none.")
		return err
	}
	err := t.Flush()
	if err == nil && next != 0 {
		_, err = fmt.Fprintf(to, "There may be more: --after %d\n", next)
	}
	return err
}

func printChange(to io.Writer, c admin.Change) error {
	_, err := fmt.Fprintln(to, printed(c.Transaction.ID+": "+standing(c.Transaction)))
	return err
}

// printCheck says whether the partner is asked: only a transaction that waits for its verdict can be asked about.
func printCheck(to io.Writer, c admin.Change) error {
	if c.Transaction.Stage != verdict.StageWaiting {
		_, err := fmt.Fprintln(to, printed(c.Transaction.ID+": nothing to ask, it is "+standing(c.Transaction)))
		return err
	}
	_, err := fmt.Fprintln(to, printed(c.Transaction.ID+": "+c.Transaction.Provider+" is asked now; see verdict tx show"))
	return err
}

// standing is where a transaction stands.
func standing(tx admin.Transaction) string {
	text := string(tx.Status)
	if tx.Stage != verdict.StageSettled {
		text += ", " + string(tx.Stage)
	}
	if tx.Reason != "" {
		text += ": " + tx.Reason
	}
	return text
}

func printFile(to io.Writer, f admin.File) error {
	tx := f.Transaction
	t := newTable(to)
	t.row(tx.ID, standing(tx))
	t.row("tenant, owner", tx.Tenant+", "+tx.Owner)
	t.row("operation", tx.Operation)
	t.row("key", tx.Key)
	t.row("payload", shortened(string(tx.Payload), maxShown))
	t.row("provider", tx.Provider)
	t.row("reference", tx.Reference)
	t.row("sends", fmt.Sprint(tx.Sends))
	t.row("checks", fmt.Sprint(tx.Checks))
	if !tx.Due.IsZero() {
		t.row("next step", moment(tx.Due))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(to)
	return printHistory(to, f)
}

// happening is one line of a transaction's history.
type happening struct {
	at    time.Time
	cells []string
}

func printHistory(to io.Writer, f admin.File) error {
	tx := f.Transaction
	list := []happening{{tx.CreatedAt, []string{"accepted"}}}
	if !tx.SentAt.IsZero() {
		list = append(list, happening{tx.SentAt, []string{"sending"}})
	}
	for _, e := range f.Evidence {
		list = append(list, happening{e.At, evidenceCells(e)})
	}
	if tx.SettledAt != nil {
		list = append(list, happening{*tx.SettledAt, []string{"verdict", string(tx.Status)}})
	}
	for _, n := range f.Notices {
		if !n.TriedAt.IsZero() {
			list = append(list, happening{n.TriedAt, []string{"notice", string(n.State), fmt.Sprint("attempt ", n.Attempts), n.Endpoint + ": " + n.Result}})
		}
	}
	slices.SortStableFunc(list, func(a, b happening) int { return a.at.Compare(b.at) })
	t := newTable(to)
	for _, h := range list {
		t.row(append([]string{moment(h.at)}, h.cells...)...)
	}
	return t.Flush()
}

// maxShown is how many characters of what an app or a partner sent are shown; --json prints all.
const maxShown = 200

func evidenceCells(e admin.Evidence) []string {
	outcome, took, raw := string(e.Outcome), "", ""
	if e.Conflict {
		outcome += " CONFLICT"
	}
	if !e.Asked.IsZero() {
		took = e.At.Sub(e.Asked).Round(time.Millisecond).String()
	}
	if e.Raw != "" {
		raw = shortened(fmt.Sprintf("%s%q", e.Encoding, e.Raw), maxShown)
	}
	return []string{string(e.Source), outcome, took, e.Reason, raw}
}
