package transfer

// Progress says how far a move is.
type Progress struct {
	Doing  string // copying or verifying
	Table  string
	Done   int64 // rows of all tables that have been copied, or needn't be; or that have been read back
	Total  int64 // rows of the source
	Copied int64 // rows that were copied
}

// A meter counts, and tells whoever watches.
type meter struct {
	watch func(Progress)
	at    Progress
}

func (m *meter) passed(t Table, rows int) {
	m.at.Table = t.Name
	m.at.Done += int64(rows)
	m.watch(m.at)
}

func (m *meter) copied(t Table, rows int) {
	m.at.Copied += int64(rows)
	m.passed(t, rows)
}
