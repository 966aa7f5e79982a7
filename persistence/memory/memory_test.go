package memory_test

import (
	"testing"

	"verdict"
	"verdict/persistence/memory"
	"verdict/persistence/storetest"
)

func TestMemoryKeepsThePromises(t *testing.T) {
	storetest.Run(t, func(*testing.T) verdict.Store { return memory.New() })
}
