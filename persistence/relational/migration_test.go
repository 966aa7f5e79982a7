package relational

import (
	"strings"
	"testing"
	"testing/fstest"
)

func files(texts map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all["migrations/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestMigrationsSayWhichBinariesTheyTake(t *testing.T) {
	all, err := Migrations(files(map[string]string{
		"0001_first.sql": "-- oldest: 7\n", "0002_more.sql": "-- oldest: 1\nSQL", "0003_less.sql": "-- oldest: 2, contracts\n",
		"0004_more.sql": "-- oldest: 1\n",
	}))
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, error %v", all, err)
	}
	for i, want := range []int{1, 1, 2, 2} { // what was taken away stays away
		if m := all[i]; m.Version != i+1 || m.Oldest != want || m.Contracts != (i == 2) || !strings.HasPrefix(m.SQL, "-- oldest: ") {
			t.Errorf("%+v, want oldest %d", m, want)
		}
	}
}

func TestAMigrationWithoutAHeadOrOutOfOrderIsRefused(t *testing.T) {
	for name, second := range map[string]string{
		"no head": "CREATE TABLE t (id)", "no number": "-- oldest: \n", "zero": "-- oldest: 0\n", "more": "-- oldest: 1, expands\n",
		"later": "\n-- oldest: 1\n",
	} {
		_, err := Migrations(files(map[string]string{"0001_a.sql": "", "0002_b.sql": second}))
		if err == nil || !strings.Contains(err.Error(), "0002_b.sql: the first line has to be") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, name := range []string{"0003_c.sql", "0001_b.sql", "00020_b.sql", "0002.sql"} {
		_, err := Migrations(files(map[string]string{"0001_a.sql": "", name: "-- oldest: 1\n"}))
		if err == nil || !strings.Contains(err.Error(), "the next migration is 000") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestABinaryIsAdmittedToWhatItCanLiveWith(t *testing.T) {
	for _, test := range []struct {
		known int
		of    Schema
		want  bool
	}{
		{4, Schema{0, 0}, true}, {4, Schema{3, 1}, true}, {4, Schema{4, 4}, true}, {4, Schema{5, 4}, true}, {4, Schema{9, 1}, true},
		{4, Schema{5, 5}, false}, {4, Schema{9, 5}, false},
	} {
		err := test.of.Admit(test.known)
		if (err == nil) != test.want || err != nil && !strings.Contains(err.Error(), "takes a verdict that knows version 5 or later, and this one knows 4; upgrade verdict") {
			t.Errorf("%+v with %d known: %v", test.of, test.known, err)
		}
	}
}
