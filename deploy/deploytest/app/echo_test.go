package main

import (
	"strings"
	"testing"
)

func TestEcho(t *testing.T) {
	var out, errs strings.Builder
	status := repeat([]string{"7", "a b"}, Settings{Release: "v1", Identity: "me"}, strings.NewReader("typed"), &out, &errs)
	if status != 7 || out.String() != "release v1\nidentity me\na b\ntyped" || errs.String() != "to stderr\n" {
		t.Errorf("%d: %q and %q", status, &out, &errs)
	}
	if status := repeat(nil, Settings{}, strings.NewReader(""), &out, &errs); status != exitUsage {
		t.Errorf("without a status: %d", status)
	}
}
