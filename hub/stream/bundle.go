package stream

import "encoding/json"

// What is handed over together goes in bundles: a message costs the server, and whoever sends and gets it, more than its commands
// or events do. It holds one, or an array of several.

const (
	// A bundle of commands is carried out by one instance, and comes again as a whole if one of them fails. So it takes a
	// sixteenth of what a worker of ours carries out at once, which leaves something to those of others, and 32 at the most: larger
	// ones save little more.
	bundleShare = 16
	maxBundle   = 32

	// eventBundle is how many events share a message: they take about a kilobyte each, and servers refuse more than a megabyte,
	// or what they are told to.
	eventBundle = 16
)

// bundleSize is how many commands share a message, where a worker carries out so many at once.
func bundleSize(limit int) int { return min(max(1, limit/bundleShare), maxBundle) }

// bundle returns what is encoded for some of a kind.
func bundle[T any](some []T) any {
	if len(some) == 1 {
		return some[0]
	}
	return some
}

// unbundle returns what a message holds: nothing if it is empty, as probes are.
func unbundle[T any](message []byte) (some []T, err error) {
	switch {
	case len(message) == 0:
		return nil, nil
	case message[0] == '[':
		err = json.Unmarshal(message, &some)
	default:
		some = make([]T, 1)
		err = json.Unmarshal(message, &some[0])
	}
	if err != nil {
		return nil, err
	}
	return some, nil
}
