package verdict

import "time"

// Forever is the upper end of a time that had not come.
const Forever = forever

// Saw and SawAt let a test outside of the package say what it expects a law to have seen.
func (l *Law) Saw(after, upTo time.Duration) { l.saw(after, upTo) }
func (l *Law) SawAt(d time.Duration)         { l.sawAt(d) }
