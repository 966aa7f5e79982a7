package verdict

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"time"
)

// Notice is the verdict of a transaction as the backend of an app is told it, or was. There is one for each endpoint and
// transaction. As nothing else is told of a transaction, nothing can arrive in another order.
//
// The log of verdicts is its outbox: an endpoint has a position in the order of EventID, and what comes after is yet to
// be told. So the commit of a verdict is the commit of its notices, whichever instance made it, and they can't disagree.
type Notice struct {
	Number      int64 // from the store; grows with every notice
	Endpoint    string
	Transaction string
	Version     int64     // 1, then one more with every change
	Attempts    int       // since the verdict, or since it was last replayed
	Due         time.Time // of the next attempt; zero if there is none
	SettledAt   time.Time // when the verdict became known
	TriedAt     time.Time // when the last attempt ended; zero before the first
	Result      string    // what came of it, in words for the support desk
	ToldAt      time.Time // when the backend first took it; zero before
}

// NoticeState is how a notice stands.
type NoticeState string

// The states of a notice.
const (
	NoticePending NoticeState = "pending"  // to be told, now or later
	NoticeTold    NoticeState = "told"     // the backend took it
	NoticeGivenUp NoticeState = "given_up" // tried to the end of the schedule
)

// State returns how the notice stands. One that is replayed is pending again.
func (n Notice) State() NoticeState {
	switch {
	case !n.Due.IsZero():
		return NoticePending
	case !n.ToldAt.IsZero():
		return NoticeTold
	}
	return NoticeGivenUp
}

const (
	// NoticeTimeout bounds one attempt. Standard Webhooks recommends 15 to 30 s.
	NoticeTimeout = 15 * time.Second

	// NoticeLease is for how long a claimed notice is its claimer's: so long the work of a dead instance waits for another.
	// It is longer than NoticeTimeout.
	NoticeLease = 30 * time.Second

	// maxNoticeWait bounds for how long a Retry-After is obeyed.
	maxNoticeWait = 24 * time.Hour
)

// noticePauses are the pauses after the attempts that fail: those that Standard Webhooks 1.0 gives under "Deliverability
// and reliability". The last attempt comes 75 hours and a half after the first.
var noticePauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Receipt is what came of an attempt to tell a backend.
type Receipt struct {
	At       time.Time     // when the attempt ended
	Answered bool          // the backend has answered, whatever it was
	Taken    bool          // it has it
	Gone     bool          // it wants to be told nothing any more
	Vain     bool          // to try again would change nothing
	Wait     time.Duration // how long it asked us to stay away; mostly 0
	Result   string        // in words for the support desk
}

// After returns the notice as it stands after an attempt. Those that failed together are not tried again together: each pause
// is longer by up to a tenth.
func (n Notice) After(r Receipt) Notice {
	n.Version++
	n.Attempts++
	n.TriedAt, n.Result = r.At, r.Result
	switch {
	case r.Taken:
		n.Due, n.ToldAt = time.Time{}, cmp.Or(n.ToldAt, r.At)
	case r.Gone: // it is a matter of the endpoint, which is closed until a person opens it
		n.Due = r.At
	case r.Vain || n.Attempts > len(noticePauses):
		n.Due = time.Time{}
	default:
		n.Due = r.At.Add(max(n.pause(), min(r.Wait, maxNoticeWait)))
	}
	return n
}

// pause is how long to wait after the last attempt. It follows from the notice alone, so that a simulation replays.
func (n Notice) pause() time.Duration {
	pause := noticePauses[n.Attempts-1]
	h := fnv.New64a()
	h.Write([]byte(n.Endpoint + "\x00" + n.Transaction)) // never fails (hash.Hash)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n.Attempts)))
	return pause + time.Duration(h.Sum64()%uint64(pause/10))
}

// Replay returns the notice as one that is to be told now, from the begin of the schedule.
func (n Notice) Replay(now time.Time) Notice {
	n.Version++
	n.Attempts, n.Due = 0, now
	return n
}

// Closes returns until when an attempt closes its endpoint, zero if it doesn't.
func (r Receipt) Closes() time.Time {
	switch {
	case r.Gone:
		return UntilOpened
	case r.Wait > 0 && !r.Taken:
		return r.At.Add(min(r.Wait, maxNoticeWait))
	}
	return time.Time{}
}

// UntilOpened is until when an endpoint is closed that a person has to open: the last time that a store can hold.
var UntilOpened = time.Unix(0, 1<<63-1).UTC()

// Endpoint is what all instances know of where a backend is told.
type Endpoint struct {
	Name        string
	ClosedUntil time.Time // nothing is told before; zero: it is open
	Reason      string    // why it is or was closed
	Pending     int       // notices to be told
	Oldest      time.Time // the verdict of the longest pending; zero if there is none
	GivenUp     int
}

// Disabled reports whether only a person opens the endpoint again.
func (e Endpoint) Disabled() bool { return e.ClosedUntil.Equal(UntilOpened) }

// A Noticeboard is the part of a Store that holds notices. The promises of Store are those of its methods too.
type Noticeboard interface {
	// AddEndpoint has an endpoint told the verdicts that come from now on. One that was added before stays as it is.
	AddEndpoint(ctx context.Context, name string) error

	// Enlist makes notices of the verdicts after the endpoint's position: of at most limit that belong to the tenant, or to
	// anybody if that is empty. It moves the position along and returns how many verdicts it has passed.
	// Each verdict becomes a notice once, due at once. It does nothing for an endpoint that wasn't added.
	Enlist(ctx context.Context, endpoint, tenant string, limit int) (passed int, err error)

	// ClaimNotices returns at most limit notices of an endpoint, of those that are due at now the longest due, and has them
	// due again after NoticeLease. They come in the order of Number. Of concurrent callers only one gets a notice. There are
	// none while the endpoint is closed.
	ClaimNotices(ctx context.Context, endpoint string, now time.Time, limit int) ([]Notice, error)

	// ReplaceNotice stores next in place of the version before it. It returns ErrStale, changing nothing, unless the
	// version on record is next.Version-1.
	ReplaceNotice(ctx context.Context, next Notice) error

	// NoticesOf returns a transaction's notices in the order of their endpoints.
	NoticesOf(ctx context.Context, transaction string) ([]Notice, error)

	// Notices returns at most limit notices in a state with a Number greater than after, in the order of Number: those of
	// an endpoint, or all if that is empty. It is for people, and may look through all there are.
	Notices(ctx context.Context, endpoint string, state NoticeState, after int64, limit int) ([]Notice, error)

	// CloseEndpoint has nothing told before a time. One that is closed for longer stays so.
	CloseEndpoint(ctx context.Context, name string, until time.Time, reason string) error

	// OpenEndpoint opens a closed endpoint. It returns ErrNotFound if there is no such endpoint.
	OpenEndpoint(ctx context.Context, name string) error

	// DropEndpoint deletes at most limit notices of an endpoint that are pending or given up, and once none is left the
	// endpoint; what was told stays on record. It returns how many it has deleted: fewer than limit if the endpoint is gone.
	// It returns ErrNotFound if there is no such endpoint. One that is added again is new.
	DropEndpoint(ctx context.Context, name string, limit int) (deleted int, err error)

	// Endpoints returns the endpoints that were added and not dropped, in the order of their names. It takes longer the more is
	// pending.
	Endpoints(ctx context.Context) ([]Endpoint, error)
}

// NoticeID identifies what a backend is told of a settled transaction. It stays the same however often that is sent.
func (t Transaction) NoticeID() string { return t.ID + "-" + strconv.FormatInt(t.Version, 10) }
