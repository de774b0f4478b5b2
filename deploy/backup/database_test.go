package backup

import (
	"strings"
	"testing"
	"time"
)

func TestQuoting(t *testing.T) {
	for name, want := range map[string][3]string{
		"shop":      {`"shop"`, `'shop'`, `dbname='shop'`},
		`a"b`:       {`"a""b"`, `'a"b'`, `dbname='a"b'`},
		`it's`:      {`"it's"`, `'it''s'`, `dbname='it\'s'`},
		`back\sl'h`: {`"back\sl'h"`, ` E'back\\sl''h'`, `dbname='back\\sl\'h'`},
		"a=b c":     {`"a=b c"`, `'a=b c'`, `dbname='a=b c'`},
	} {
		if got := [3]string{identifier(name), literal(name), connection(name)}; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestDatabasesBeside(t *testing.T) {
	at := time.Date(2026, 9, 21, 8, 15, 2, 0, time.UTC)
	for _, test := range []struct{ database, want string }{
		{"shop", "shop_before_20260921T081502Z"},
		{strings.Repeat("x", 63), strings.Repeat("x", 39) + "_before_20260921T081502Z"},
		{strings.Repeat("é", 30), strings.Repeat("é", 19) + "_before_20260921T081502Z"},
	} {
		s := &server{database: test.database}
		name := s.beside(keptMark, at)
		if name != test.want || len(name) > longestName || !s.marked(name, keptMark) || s.marked(name, unfinishedMark) {
			t.Errorf("%s: %s", test.database, name)
		}
	}
	s := &server{database: "shop"}
	for _, other := range []string{"shop", "shop_before_", "shop_before_20260921T081502Z_2", "shop2_before_20260921T081502Z", "shop_before_yesterday"} {
		if s.marked(other, keptMark) {
			t.Errorf("%s is taken for a kept one", other)
		}
	}
}

func TestOurNames(t *testing.T) {
	name := newName(time.Date(2026, 9, 21, 10, 15, 2, 0, time.FixedZone("", 7200)), "v1.15.0")
	if name != "20260921T081502Z-v1.15.0" || !ours(name+dumpEnding) {
		t.Errorf("name %s", name)
	}
	for _, other := range []string{name, name + ".json", "nightly/" + name + ".dump", "shop.dump", "20260921T081502Z-.dump"} {
		if ours(other) {
			t.Errorf("%s is taken for ours", other)
		}
	}
}

// What was put aside a moment ago keeps its name, also where it is just being put
// in its place again.
func TestTwoDatabasesPutAsideWithinASecond(t *testing.T) {
	s := &server{database: "shop"}
	at := time.Date(2026, 11, 28, 1, 28, 23, 0, time.UTC)
	there := []found{{Name: "shop"}, {Name: "shop_before_20261128T012823Z"}, {Name: "shop_before_20261128T012824Z"}}
	if name := s.aside(there, at); name != "shop_before_20261128T012825Z" || !s.marked(name, keptMark) {
		t.Errorf("it is called %s", name)
	}
	if name := s.aside(there[:1], at); name != "shop_before_20261128T012823Z" {
		t.Errorf("it is called %s", name)
	}
}
