package stats

import (
	"fmt"
	"time"
)

// Spread writes a summary, and leaves out bounds that look alike.
func Spread(s Summary, write func(float64) string) string {
	low, high := write(s.Min), write(s.Max)
	if low == high {
		return low
	}
	return fmt.Sprintf("%s (%s-%s)", write(s.Median), low, high)
}

// Whole writes a number without decimals, Plain with two, Percent a share, Kibibytes and Mebibytes a number of bytes.
func Whole(v float64) string     { return fmt.Sprintf("%.0f", v) }
func Plain(v float64) string     { return fmt.Sprintf("%.2f", v) }
func Percent(v float64) string   { return fmt.Sprintf("%.0f%%", 100*v) }
func Kibibytes(v float64) string { return fmt.Sprintf("%.1fK", v/1024) }
func Mebibytes(v float64) string { return fmt.Sprintf("%.1fM", v/(1<<20)) }

// Duration writes a time in nanoseconds to three digits.
func Duration(v float64) string {
	switch d := time.Duration(v); {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1fs", v/1e9)
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", v/1e6)
	}
	return fmt.Sprintf("%.0fµs", v/1e3)
}
