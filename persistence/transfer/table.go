// Package transfer moves the record from one store to another: it copies what the other lacks, compares both to the last
// byte, and only then has the first marked as left.
package transfer

// A Table is a table of the record, as every store that can be moved holds it.
type Table struct {
	Name    string
	Columns []Column // the first is the key: unique, and never NULL
}

// Key is the column by which the rows are ordered.
func (t Table) Key() Column { return t.Columns[0] }

// A Column is a column of a table.
type Column struct {
	Name string
	Kind Kind
}

// A Kind says what a column holds. In a Row a Number is an int64, a Flag 0 or 1, and all else bytes.
type Kind int

// The kinds of columns. A Word is what others name and holds any byte; Text is in our own words.
const (
	Word Kind = iota
	Text
	Bytes
	Number
	Flag
)

// Tables are the tables of the record with the columns that are moved, in the order in which they are.
//
// What a store can make again isn't among them: the versions of its schema, and columns that follow from others.
func Tables() []Table {
	return []Table{
		{"transactions", []Column{
			{"id", Word}, {"tenant", Word}, {"owner", Word}, {"operation", Word}, {"key", Word}, {"provider", Word},
			{"status", Text}, {"stage", Text}, {"reason", Word}, {"reference", Word}, {"version", Number}, {"event_id", Number},
			{"sends", Number}, {"checks", Number}, {"answered", Flag}, {"watched", Flag}, {"due", Number}, {"created_at", Number},
			{"sent_at", Number}, {"checked_at", Number}, {"settled_at", Number}, {"fingerprint", Bytes}, {"payload", Bytes},
			{"key_held", Flag}, {"told_at", Number}, {"confirmed_at", Number}, {"trace", Text},
		}},
		{"evidence", []Column{
			{"number", Number}, {"transaction_id", Word}, {"source", Text}, {"outcome", Text}, {"reason", Word}, {"reference", Word},
			{"asked", Number}, {"at", Number}, {"wait", Number}, {"conflict", Flag}, {"raw", Bytes}, {"digest", Bytes},
		}},
		{"outbox", []Column{
			{"transaction_id", Word}, {"kind", Text}, {"version", Number}, {"provider", Word}, {"since", Number}, {"due", Number},
		}},
		{"parked", []Column{
			{"number", Number}, {"transaction_id", Word}, {"provider", Word}, {"digest", Bytes}, {"body", Bytes}, {"at", Number},
		}},
		{"partners", []Column{{"name", Word}, {"pace", Text}, {"learned", Text}}},
		{"endpoints", []Column{{"name", Word}, {"position", Number}, {"closed_until", Number}, {"reason", Word}}},
		{"notices", []Column{
			{"number", Number}, {"endpoint", Word}, {"transaction_id", Word}, {"version", Number}, {"attempts", Number}, {"due", Number},
			{"settled_at", Number}, {"tried_at", Number}, {"result", Word}, {"told_at", Number},
		}},
		{"spent", []Column{{"name", Word}, {"until", Number}}},
		{"meta", []Column{{"id", Number}, {"event", Number}, {"released", Number}, {"secret", Bytes}}},
	}
}
