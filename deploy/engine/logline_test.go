package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func stampOf(second, nano int) time.Time { return time.Date(2026, 9, 21, 8, 0, second, nano, time.UTC) }

func message(second, nano int, text string) string {
	return stampOf(second, nano).Format(time.RFC3339Nano) + " " + text
}

func TestACopyGoesOnWhereAnotherEnded(t *testing.T) {
	log := []string{
		message(1, 0, "one\n"), message(1, 5, "two\n"), message(1, 5, "three\n"), message(1, 5, "four\n"),
		message(2, 0, "a long "), message(2, 1, "line\n"), message(3, 0, "last\n"),
	}
	for end := range log {
		var got []string
		var at mark
		copy := func(messagesOf []string) {
			m := &messages{stream: &at, seen: at, each: func(l line) error {
				got = append(got, l.text)
				return nil
			}}
			for _, one := range messagesOf {
				if _, err := m.Write([]byte(one)); err != nil {
					t.Fatal(err)
				}
			}
			_ = m.flush()
		}
		copy(log[:end])
		// The engine gives again what has the last stamp, or comes after it.
		from := slices.IndexFunc(log, func(one string) bool {
			stamp, _, _ := strings.Cut(one, " ")
			parsed, err := time.Parse(time.RFC3339Nano, stamp)
			return err == nil && !parsed.Before(at.at)
		})
		copy(log[from:])
		want := "one two three four a long line last"
		if joined := strings.Join(got, " "); strings.ReplaceAll(joined, "  ", " ") != want {
			t.Errorf("cut behind %d: %q", end, got)
		}
	}
}

func TestALogIsAskedForFromTheStreamThatIsBehind(t *testing.T) {
	since := stampOf(0, 0)
	for _, test := range []struct {
		at   position
		want string
	}{
		{position{}, since.Format(time.RFC3339Nano)},
		{position{{at: stampOf(5, 0)}}, stampOf(5, 0).Format(time.RFC3339Nano)},
		{position{{at: stampOf(5, 7)}, {at: stampOf(4, 9)}}, stampOf(4, 9).Format(time.RFC3339Nano)},
		{position{{}, {at: stampOf(4, 0)}}, stampOf(4, 0).Format(time.RFC3339Nano)},
	} {
		if got := test.at.options(since); got.Since != test.want || !got.Follow || got.Tail != "all" {
			t.Errorf("%+v asks for %+v", test.at, got)
		}
	}
}

func TestMergeIsInTheOrderOfTime(t *testing.T) {
	source := func(seconds ...int) <-chan line {
		lines := make(chan line, len(seconds))
		for _, second := range seconds {
			lines <- line{at: stampOf(second, 0), text: fmt.Sprint(second)}
		}
		close(lines)
		return lines
	}
	var got []string
	err := merge([]<-chan line{source(1, 4, 4, 9), source(), source(2, 3, 8)}, func(l line) error {
		got = append(got, l.text)
		return nil
	})
	if err != nil || strings.Join(got, " ") != "1 2 3 4 4 8 9" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLinesAreNamedAndPrintable(t *testing.T) {
	var out strings.Builder
	log := &lineLog{out: &out, match: "a"}
	log.widen("shop-web-1")
	for _, l := range []line{
		{container: "shop-web-1", text: "a\tb"},
		{container: "shop-web-1", text: "nothing"},
		{container: "db-1", text: "\x1b[31;1mred\x1b[0m and \x1b]0;title\x07plain\r\b\x9b"},
	} {
		if err := log.write(l); err != nil {
			t.Fatal(err)
		}
	}
	if want := "shop-web-1 | a\tb\ndb-1       | red and plain�\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}
