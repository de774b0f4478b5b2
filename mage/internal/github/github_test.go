package github

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// What the runner would obey is written so that it does not, and nothing else
// is changed.
func TestNeutral(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"::error::no":                        "| ::error::no",
		"  \t ::set-env name=A::b":           "|   \t ::set-env name=A::b",
		"\u00a0\u3000::error::no":            "| \u00a0\u3000::error::no",
		"\ufeff:\u200b:error::no":            "| ::error::no",
		"\x00\x1b::error::no":                "| ::error::no",
		"\u034f:\ufe0f:error::no":            "| ::error::no",
		"fix: ##[error]no":                   "fix: # #[error]no",
		"#\u00ad#[group]x ###[endgroup]":     "# #[group]x ## #[endgroup]",
		"::add-mask::a ##[warning]b":         "| ::add-mask::a # #[warning]b",
		"":                                   "",
		"std::vector<int> x; // C++":         "std::vector<int> x; // C++",
		"\x1b[31m## a heading: [a link]\x1b": "\x1b[31m## a heading: [a link]\x1b",
		"  | ::error:: of a container":       "  | ::error:: of a container",
	} {
		if got := neutral(line); got != want {
			t.Errorf("%q is made %q, not %q", line, got, want)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	if got, want := command("error", "mage a:b, 100%\n::", "one\r\n::error::two %0A"),
		"::error title=mage a%3Ab%2C 100%25%0A%3A%3A::one%0D%0A::error::two %250A"; got != want {
		t.Errorf("got %s\nnot %s", got, want)
	}
}

// Lines come out whole, in whatever pieces they come in; only the child's own
// are commands, and groups do not lie in one another.
func TestStream(t *testing.T) {
	t.Parallel()
	said := "one\n::error::two\r\nJOB::group::three\nfour\rJOB::group::five\n" +
		"a JOB::error::six\nJOB::endgroup::\nJOB::endgroup::\nJOB::warning::seven\n\n::eight"
	want := "one\n| ::error::two\r\n::group::three\nfour\r::endgroup::\n::group::five\n" +
		"a JOB::error::six\n::endgroup::\n::warning::seven\n\n| ::eight"
	for size := 1; size <= len(said); size++ {
		var out bytes.Buffer
		s := &stream{log: &log{token: "JOB"}, out: &out}
		for piece := range slices.Chunk([]byte(said), size) {
			if _, err := s.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil || out.String() != want {
			t.Fatalf("in pieces of %d: %v\n%q\nnot\n%q", size, err, out.String(), want)
		}
	}
}

func TestALineWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &stream{log: &log{token: "JOB"}, out: &out}
	piece := bytes.Repeat([]byte("::x"), 1<<16)
	for range 32 {
		_, _ = s.Write(piece)
	}
	_ = s.Close()
	for line := range strings.Lines(out.String()) {
		if len(line) > longest+len("| \n") {
			t.Errorf("a line of %d bytes", len(line))
		}
		if strings.HasPrefix(line, "::") {
			t.Error("a broken line begins with a command")
		}
	}
}
