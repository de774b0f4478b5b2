package session

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestWords(t *testing.T) {
	for _, test := range []struct {
		command string
		shell   bool
		want    []string
		wrong   string
	}{
		{command: "python3 manage.py shell", want: []string{"python3", "manage.py", "shell"}},
		{command: `say 'two words' "it's" a\ b ""`, want: []string{"say", "two words", "it's", "a b", ""}},
		{command: "echo $HOME | wc", want: []string{"echo", "$HOME", "|", "wc"}}, // no shell looks at it
		{command: "echo $HOME | wc", shell: true, want: []string{"sh", "-c", "echo $HOME | wc"}},
		{command: "secret 'open", wrong: "a quote is not closed"},
		{command: "# all of it", wrong: "all of it is a comment"},
		{command: " ", wrong: "the command is empty"},
		{command: "", shell: true, wrong: "the command is empty"},
	} {
		got, err := Words(test.command, test.shell)
		if test.wrong == "" {
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%q: %q, %v", test.command, got, err)
			}
			continue
		}
		failure, ok := errors.AsType[*deploy.Failure](err)
		if !ok || failure.Status != deploy.ExitUsage || !strings.Contains(err.Error(), test.wrong) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", test.command, err)
		}
	}
}

func TestTrafficIsWhatCameBetweenTwoLooks(t *testing.T) {
	server := func(state deploy.ServerState, up bool, requests, failed int64) deploy.ProxyState {
		return deploy.ProxyState{Servers: []deploy.Server{{
			Service: "web", Container: "web-1", State: state, Up: up,
			ServerCounters: deploy.ServerCounters{Requests: requests, Failed: failed, InFlight: 3, ResponseTime: 4e6},
		}}}
	}
	for _, test := range []struct {
		name        string
		before, now deploy.ProxyState
		state       string
		want        *Traffic
	}{
		{"rates", server("ready", true, 100, 1), server("ready", true, 150, 3), "ready", &Traffic{25, 1, 4, 3}},
		{"counters begun anew", server("ready", true, 100, 1), server("ready", true, 10, 0), "ready", &Traffic{0, 0, 4, 3}},
		{"new in between", deploy.ProxyState{}, server("ready", true, 500, 5), "ready", &Traffic{0, 0, 4, 3}},
		{"draining", server("drain", true, 5, 0), server("drain", true, 5, 0), "drain", &Traffic{0, 0, 4, 3}},
		{"down", server("ready", false, 5, 0), server("ready", false, 5, 0), "down", &Traffic{0, 0, 4, 3}},
		{"without a place", server("ready", true, 5, 0), deploy.ProxyState{}, "unrouted", nil},
	} {
		state, got := traffic(test.before, test.now, "web", "web-1", 2)
		if state != test.state || (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %s %+v", test.name, state, got)
		}
	}
}
