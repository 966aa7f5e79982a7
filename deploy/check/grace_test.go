package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strconv"
	"strings"
	"testing"
	"time"
)

// drain is how long a gateway takes to stop at the longest: it awaits the partners' answers under way, goes on trying to put
// them on record, tells its streams to come back, gives them time to end, and operators' requests too.
func drain(t *testing.T, s settings) time.Duration {
	t.Helper()
	var answer time.Duration
	for _, partner := range s.Providers {
		answer = max(answer, duration(t, partner.SubmitTimeout))
	}
	return answer + constant(t, "../../settler.go", "keepFor") + duration(t, s.Push.Spread) +
		constant(t, "../../cmd/verdict/gateway.go", "drainTime") + constant(t, "../../cmd/verdict/admin.go", "adminStop")
}

func enough(t *testing.T, who string, given, takes time.Duration) {
	t.Helper()
	if given < takes || given > takes+30*time.Second {
		t.Errorf("%s has %s to stop, and takes up to %s", who, given, takes)
	}
}

// constant is a time in the gateway's source, such as 30 * time.Second.
func constant(t *testing.T, file, name string) time.Duration {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == name && len(spec.Values) == 1 {
			found = types.ExprString(spec.Values[0])
		}
		return true
	})
	number, ok := strings.CutSuffix(found, " * time.Second")
	if !ok {
		t.Fatalf("%s: %s is %q", file, name, found)
	}
	return duration(t, number+"s")
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
