package web

import (
	"net/http"
	"strconv"
	"strings"

	"verdict"
)

// message tells a status in one of our languages. A failure is not always the partner's refusal, so it isn't called one.
func message(language string, s verdict.Status) string {
	french := language == "fr"
	switch {
	case s == verdict.Succeeded && french:
		return "Votre transaction a été acceptée"
	case s == verdict.Succeeded:
		return "Your transaction has been accepted"
	case s == verdict.Failed && french:
		return "Votre transaction n'a pas abouti"
	case s == verdict.Failed:
		return "Your transaction did not go through"
	case french:
		return "Votre transaction est en cours de traitement"
	default:
		return "Your transaction is being processed"
	}
}

// languages are those that messages come in.
func languages() []string { return []string{"fr", "en"} }

func speaks(language string) bool {
	for _, ours := range languages() {
		if language == ours {
			return true
		}
	}
	return false
}

// negotiate returns which of our languages the Accept-Language header likes best (RFC 9110 section 12.5.4): by quality
// and then by the order in which they are named, as browsers mean it. A range for a region stands for its language,
// because we have no regions. A client that likes neither gets the fallback.
func negotiate(h http.Header, fallback string) string {
	best, highest, first := fallback, 0.0, 0
	ranges := readRanges(strings.Join(h.Values("Accept-Language"), ","))
	for _, language := range languages() {
		quality, at := liking(ranges, language)
		better := quality > highest || quality == highest && (at < first || at == first && language == fallback)
		if quality > 0 && better {
			best, highest, first = language, quality, at
		}
	}
	return best
}

// languageRange is an element of Accept-Language.
type languageRange struct {
	primary string // its first subtag, or *
	quality float64
}

// readRanges leaves out what it can't read.
func readRanges(text string) []languageRange {
	var ranges []languageRange
	for element := range strings.SplitSeq(text, ",") {
		tag, parameter, _ := strings.Cut(element, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		r := languageRange{primary, 1}
		if parameter != "" {
			name, value, _ := strings.Cut(parameter, "=")
			quality, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			inRange := quality >= 0 && quality <= 1 // false for NaN
			if !strings.EqualFold(strings.TrimSpace(name), "q") || err != nil || !inRange {
				continue
			}
			r.quality = quality
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// liking returns the quality of a language and where it is named: the best of its own ranges, or else that of *.
func liking(ranges []languageRange, language string) (quality float64, at int) {
	named := false
	for i, r := range ranges {
		switch {
		case r.primary == language && (!named || r.quality > quality):
			quality, at, named = r.quality, i, true
		case r.primary == "*" && !named:
			quality, at = r.quality, i
		}
	}
	return quality, at
}
