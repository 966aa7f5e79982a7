package web

import (
	"fmt"
	"net/http"
)

// kind is a kind of problem: what its page at /problems/ and every answer of that kind say.
type kind struct {
	slug   string // of its page: /problems/{slug}
	title  string
	status int
	retry  bool   // the same request may be sent again as it is, and may then succeed
	newKey bool   // the request was not and will not be carried out, so a new key cannot make it act twice
	mend   string // what it means and what to do
}

// The kinds of problem. Where an earlier sending of the same request may have been accepted, a new key is not safe.
var (
	invalidRequest = kind{
		slug: "invalid-request", title: "The request can't be read", status: http.StatusBadRequest, newKey: true,
		mend: "Nothing was stored. Mend what the detail names and send the request again; the key may stay the same.",
	}
	missingKey = kind{
		slug: "missing-key", title: "The idempotency key is missing", status: http.StatusBadRequest, newKey: true,
		mend: `Nothing was stored. Send a key that is the same whenever you repeat this request, your own or one that POST /v1/idempotency-keys issued: the header Idempotency-Key for POST /v1/transactions, the member "id" for POST /transaction, the parameter "key" to look a transaction up.`,
	}
	keyUnknown = kind{
		slug: "key-unknown", title: "The idempotency key was not issued to you", status: http.StatusUnprocessableEntity, newKey: true,
		mend: "Nothing was ever stored with this key. Use one that POST /v1/idempotency-keys issued to you.",
	}
	keyPurpose = kind{
		slug: "key-purpose", title: "The idempotency key was issued for another operation", status: http.StatusUnprocessableEntity, newKey: true,
		mend: `Nothing was stored, and the key stays good for its own operation. Fetch one for this: POST /v1/idempotency-keys {"operation":"..."}.`,
	}
	keyExpired = kind{
		slug: "key-expired", title: "The idempotency key has expired", status: http.StatusUnprocessableEntity, newKey: true,
		mend: "Nothing was stored, and no transaction that is remembered began with this key. Fetch another from POST /v1/idempotency-keys and send the request with that.",
	}
	inFlight = kind{
		slug: "in-flight", title: "The first request with this key is still in flight", status: http.StatusConflict, retry: true,
		mend: "The transaction goes on: the header Location says where it is. Send the same request again, with the same key, after the seconds in Retry-After; a new key would make it another transaction.",
	}
	foreignOrigin = kind{
		slug: "foreign-origin", title: "This page may not call us", status: http.StatusForbidden, newKey: true,
		mend: "Nothing was stored. The request came from a page of another origin. If that page is yours, add its origin (scheme, host and port) to the allowed origins in the configuration.",
	}
	noTransaction = kind{
		slug: "no-transaction", title: "There is no such transaction", status: http.StatusNotFound, retry: true,
		mend: "You have no transaction of that id or key. If its request may still be under way, send that request again with the same key: it acts only once.",
	}
	// notInCopy is told instead where the record was restored, under the same type.
	notInCopy = kind{
		slug: noTransaction.slug, title: noTransaction.title, status: noTransaction.status,
		mend: "You have no transaction of that id or key on record. The record was restored from a copy, and what was accepted after that was made is not in it: it may have been carried out, and would be again if you sent it again. If the request was first sent before the restore, ask those who run this service what became of it; if after, send it again with the same key: it acts only once.",
	}
	noPartner = kind{
		slug: "no-partner", title: "There is no such partner", status: http.StatusNotFound,
		mend: "The operators' /v1/partners lists the partners that are configured.",
	}
	noEndpoint = kind{
		slug: "no-endpoint", title: "There is no such endpoint", status: http.StatusNotFound,
		mend: "The operators' /v1/endpoints lists those on record, and says which of them this gateway is configured to tell.",
	}
	endpointInUse = kind{
		slug: "endpoint-in-use", title: "The endpoint is configured", status: http.StatusConflict,
		mend: "Nothing was dropped. Take the endpoint out of the configuration (notify) of every gateway, restart them, and drop it then.",
	}
	notInReview = kind{
		slug: "not-in-review", title: "The transaction is not for review", status: http.StatusConflict,
		mend: "Nothing was changed. Look at the transaction: it is settled, or its partner is still being asked. Only one that is for review can be resolved by a person.",
	}
	changed = kind{
		slug: "changed", title: "The transaction has changed meanwhile", status: http.StatusConflict, retry: true,
		mend: "Nothing was changed by this request. Look at the transaction again, and decide again.",
	}
	noWebhook = kind{
		slug: "no-webhook", title: "There is no such webhook", status: http.StatusNotFound,
		mend: "Nothing was stored. Call the URL exactly as it was given with the transaction.",
	}
	badSignature = kind{
		slug: "bad-signature", title: "The webhook is not signed as agreed", status: http.StatusUnauthorized,
		mend: "Nothing was stored. Sign the body's bytes with the agreed secret and scheme, and send it at once.",
	}
	wrongHost = kind{
		slug: "wrong-host", title: "This listener has loopback names only", status: http.StatusMisdirectedRequest,
		mend: "Nothing was changed. Call it as localhost, 127.0.0.1 or [::1]: a page that makes a name of its own point here must not be served.",
	}
	noPage = kind{
		slug: "no-page", title: "There is nothing at this path", status: http.StatusNotFound, newKey: true,
		mend: "Nothing was stored. /openapi.json lists the paths there are.",
	}
	wrongMethod = kind{
		slug: "wrong-method", title: "This path takes other methods", status: http.StatusMethodNotAllowed, newKey: true,
		mend: "Nothing was stored. Use one of the methods that the header Allow lists.",
	}
	slowRequest = kind{
		slug: "slow-request", title: "The request's body did not arrive", status: http.StatusRequestTimeout, retry: true,
		mend: "Send the same request again, with the same key.",
	}
	tooLarge = kind{
		slug: "too-large", title: "The request is too large", status: http.StatusRequestEntityTooLarge, newKey: true,
		mend: "Nothing was stored. Send at most 64 KiB, of which the payload may have 16 KiB.",
	}
	otherContent = kind{
		slug: "other-content", title: "The key was used with other content", status: http.StatusUnprocessableEntity,
		mend: "Nothing was stored; the transaction that the key belongs to goes on. To repeat it, send its content unchanged. Only if this is meant as another transaction, send it with a new key.",
	}
	unauthenticated = kind{
		slug: "unauthenticated", title: "Say who you are", status: http.StatusUnauthorized, newKey: true,
		mend: "Nothing was stored. Send Authorization: Bearer with a JWT of a configured issuer or an API key; a browser opens a stream with a ticket of POST /v1/tickets.",
	}
	forbidden = kind{
		slug: "forbidden", title: "Your credentials don't allow this", status: http.StatusForbidden, newKey: true,
		mend: "Nothing was stored. Your credentials are good, but for something else: see the roles app, service and operator.",
	}
	authUnavailable = kind{
		slug: "auth-unavailable", title: "Your credentials can't be checked now", status: http.StatusServiceUnavailable, retry: true, newKey: true,
		mend: "Nothing was stored. The keys of your issuer can't be had at the moment. Send the same request again after the seconds in Retry-After.",
	}
	tooMany = kind{
		slug: "too-many-streams", title: "You have too many streams", status: http.StatusTooManyRequests, retry: true, newKey: true,
		mend: "Close a stream, or connect again after the seconds in Retry-After.",
	}
	tooOften = kind{
		slug: "too-many-requests", title: "You send too many requests", status: http.StatusTooManyRequests, retry: true,
		mend: "This sending was not stored. Send the same request again, with the same key, after the seconds in Retry-After.",
	}
	notSettled = kind{
		slug: "not-settled", title: "There is no such verdict to acknowledge", status: http.StatusConflict,
		mend: "Nothing was noted. The transaction has no verdict yet, or its event has another number: acknowledge a verdict with the number it came with.",
	}
	noUpgrade = kind{
		slug: "no-upgrade", title: "This path speaks WebSocket", status: http.StatusUpgradeRequired, newKey: true,
		mend: "Connect with a WebSocket client (RFC 6455, version 13). For plain HTTP use /v1/events.",
	}
	overloaded = kind{
		slug: "overloaded", title: "There is too much to do", status: http.StatusServiceUnavailable, retry: true,
		mend: "This sending was not stored. Send the same request again, with the same key, after the seconds in Retry-After.",
	}
	unavailable = kind{
		slug: "unavailable", title: "The record can't be reached", status: http.StatusServiceUnavailable, retry: true,
		mend: "It is not certain whether the request was stored. Send the same request again, with the same key, after the seconds in Retry-After: it acts only once.",
	}
)

func kinds() []kind {
	return []kind{
		invalidRequest, missingKey, keyUnknown, keyPurpose, keyExpired, inFlight, foreignOrigin, noTransaction, noPartner, noEndpoint, endpointInUse,
		notInReview, changed, noWebhook, badSignature, wrongHost, noPage, wrongMethod, slowRequest, tooLarge, otherContent,
		unauthenticated, forbidden, authUnavailable, tooMany, tooOften, notSettled, noUpgrade,
		overloaded, unavailable,
	}
}

// explain serves the page of a kind of problem.
func explain(w http.ResponseWriter, r *http.Request) error {
	for _, k := range kinds() {
		if k.slug != r.PathValue("slug") {
			continue
		}
		if k.slug == notInCopy.slug {
			k.mend += "\n\nUnless the answer says that the record was restored, and retry_safe false: " + notInCopy.mend
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s (%d)\n\n%s\n\nMay the same request be sent again as it is: %s.\nMay it be sent with a new key: %s.\n",
			k.title, k.status, k.mend, yesNo(k.retry), yesNo(k.newKey))
		return nil
	}
	return refusal{kind: noPage}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
