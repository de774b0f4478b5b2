// Package conformance holds what every deploy.Engine and every deploy.Proxy
// must do. The same expectations run on the fakes and on the real ones.
package conformance

import (
	"context"
	"testing"
	"time"
)

// Bubble runs a test: synctest.Test for what takes its time from package time
// alone, Plainly for everything else.
type Bubble func(t *testing.T, test func(t *testing.T))

// Plainly runs a test as it is.
func Plainly(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	test(t)
}

// patience bounds the wait for something that must come about.
const patience = 30 * time.Second

// eventually waits until check says nothing is wrong any more.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// must fails the test at once.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
