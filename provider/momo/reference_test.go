package momo

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"verdict"
)

func TestReferenceBecomesAVersion4UUIDAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v7 := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
		a, b := v7.Draw(t, "a"), v7.Draw(t, "b")
		wireA, errA := wireReference(a)
		wireB, errB := wireReference(b)
		if errA != nil || errB != nil || (a == b) != (wireA == wireB) || ourReference(wireA) != a {
			t.Errorf("%s became %s, %s became %s", a, wireA, b, wireB)
		}
		if wireA[versionAt] != '4' || wireA[:versionAt] != a[:versionAt] || wireA[versionAt+1:] != a[versionAt+1:] {
			t.Errorf("%s became %s", a, wireA)
		}
	})
}

func TestReferenceThatIsNoUUIDv7IsNotSent(t *testing.T) {
	p := open(t, "http://127.0.0.1:1", nil)
	for _, reference := range []string{
		"", "152399-536694", "0198f000-0000-4000-8000-000000000001", "0198F000-0000-7000-8000-000000000001",
		"0198f000-0000-7000-c000-000000000001", ours + "\n", "../" + ours, ours[1:], "{" + ours + "}",
	} {
		s := submission()
		s.Reference = reference
		_, submitted := p.Submit(t.Context(), s)
		_, checked := p.Check(t.Context(), ask(reference))
		for _, err := range []error{submitted, checked} {
			if !errors.Is(err, verdict.ErrNotSent) || !strings.HasPrefix(err.Error(), "the reference isn't a UUIDv7") {
				t.Errorf("%q: got %v", reference, err)
			}
		}
	}
}

func TestReferenceThatCantBeOursIsNone(t *testing.T) {
	for _, theirs := range []string{
		"", "23503452", ours, "0198F000-0000-4000-8000-000000000001", "0198f000-0000-4000-c000-000000000001",
		"0198f000-0000-4000-8000-000000000001\n",
	} {
		if got := ourReference(theirs); got != "" {
			t.Errorf("%q became %q", theirs, got)
		}
	}
}
