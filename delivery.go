package verdict

import "time"

// Delivery is what is known of an app having heard a verdict. It is kept beside the transaction's state: neither its
// Version nor its EventID changes, and its View doesn't show it, because an event always comes with the same bytes.
type Delivery struct {
	Transaction string
	Told        time.Time // when its event was handed to the network towards an app; zero if that isn't what is noted
	Confirmed   time.Time // when an app confirmed it; zero likewise
}
