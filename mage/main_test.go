//go:build integration

package mage_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// lane is a kind of test that takes one of the places in which tests run side
// by side. Most of what tests do is to wait, for a boot, a drain or a watch
// window; three places were tried, and on two cores the sample webshop then
// answers too late, and so it does beside another one. Tests that measure, or
// send a thousand requests a second, are in no lane: they have the machine to
// themselves, before all others.
type lane struct{ turn chan struct{} }

var (
	// places are what all lanes share.
	places = make(chan struct{}, 2)
	// apps are projects with the small application, here or on servers.
	apps = lane{turn: make(chan struct{}, cap(places))}
	// webshops are projects with the sample webshop: one at a time.
	webshops = lane{turn: make(chan struct{}, 1)}
)

// alongside lets a test run when it is its turn in a lane and there is a place.
func alongside(t *testing.T, in lane) {
	t.Helper()
	t.Parallel()
	in.turn <- struct{}{}
	places <- struct{}{}
	t.Cleanup(func() {
		<-places
		<-in.turn
	})
}

// says fails the test unless a command printed each of these texts, however it
// broke their lines.
func says(t testing.TB, result deploytest.Result, texts ...string) {
	t.Helper()
	said := strings.Join(strings.Fields(result.Output), " ")
	for _, text := range texts {
		if !strings.Contains(said, strings.Join(strings.Fields(text), " ")) {
			t.Errorf("%s does not say %q:\n%s", strings.Join(result.Args, " "), text, result.Output)
		}
	}
}

func TestMain(m *testing.M) {
	status := m.Run()
	if err := deploytest.CleanUp(); err != nil {
		fmt.Fprintln(os.Stderr, "clean up:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}
