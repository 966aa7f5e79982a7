package main

import (
	"fmt"
	"time"

	"verdict"
)

// traitWords says how a partner behaves, and above all what may be sent to it again.
func traitWords(t verdict.Traits, maxSends int) []string {
	return []string{
		sendWords(t, maxSends),
		notFoundWords(t),
		webhookWords(t),
		fmt.Sprintf("An answer to a submit is awaited for %s. Of each instance %d submits and %d checks may be under way.",
			brief(t.SubmitTimeout), t.Submits, t.Checks),
		askWords(t),
	}
}

func sendWords(t verdict.Traits, maxSends int) string {
	const proof = "What provably never reached it is sent again. "
	switch {
	case !t.Deduplicates:
		return proof + "What may have reached it never is: it would act again."
	case t.NotFoundFinal == 0:
		return proof + "It acts once on a reference, but what may have reached it isn't sent again either, since \"not found\" is never final."
	}
	return proof + fmt.Sprintf("It acts once on a reference, so what it doesn't know %s after sending is sent again under the same one, %d times in all.",
		brief(t.NotFoundFinal), maxSends)
}

func notFoundWords(t verdict.Traits) string {
	switch {
	case t.NotFoundFinal == 0:
		return "\"Not found\" decides nothing: what it doesn't know by the last check is for a person."
	case t.Deduplicates:
		return fmt.Sprintf("\"Not found\" sooner than %s after sending decides nothing.", brief(t.NotFoundFinal))
	}
	return fmt.Sprintf("\"Not found\" sooner than %s after sending decides nothing; later it means that nothing was received, and the transaction fails.",
		brief(t.NotFoundFinal))
}

func webhookWords(t verdict.Traits) string {
	if t.WebhookSettles {
		return "A webhook settles."
	}
	return "A webhook settles nothing: it has the partner asked at once."
}

func askWords(t verdict.Traits) string {
	text := fmt.Sprintf("At most %d checks are made in %s, by all instances together", t.Budget.Limit, brief(t.Budget.Window))
	if t.SettlesWithin > 0 {
		return text + fmt.Sprintf("; most verdicts are expected within %s.", brief(t.SettlesWithin))
	}
	return text + "."
}

func brief(d time.Duration) string { return span(d.Milliseconds()) }
