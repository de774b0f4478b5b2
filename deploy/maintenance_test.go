package deploy_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

func TestParseAdmins(t *testing.T) {
	for _, test := range []struct {
		texts []string
		want  string
		wrong []string
	}{
		{nil, "", nil},
		{[]string{"203.0.113.7"}, "203.0.113.7/32", nil},
		{[]string{" 203.0.113.7 , 10.0.0.0/8,", "2001:db8::/32", "203.0.113.7/32"}, "203.0.113.7/32 10.0.0.0/8 2001:db8::/32", nil},
		{[]string{"2001:db8::1"}, "2001:db8::1/128", nil},
		{[]string{"::ffff:203.0.113.7"}, "203.0.113.7/32", nil},
		{[]string{"shop.example,10.0.0/8"}, "", []string{`"shop.example" is no address; allowed: 203.0.113.7, 10.0.0.0/8, 2001:db8::/32`, `"10.0.0/8" is no address`}},
		{[]string{"10.1.2.3/8"}, "", []string{`"10.1.2.3/8" has bits behind its mask: write 10.0.0.0/8, or one address without a mask`}},
		{[]string{"0.0.0.0/0", "::/0"}, "", []string{`"0.0.0.0/0" lets everybody through`, `"::/0" lets everybody through`}},
		{[]string{"fe80::1%eth0"}, "", []string{`"fe80::1%eth0" has a zone`}},
		{[]string{"::ffff:10.0.0.0/104"}, "", []string{"is an IPv4 network in IPv6's form"}},
		{[]string{"10.0.0.1/33"}, "", []string{`"10.0.0.1/33" is no address`}},
	} {
		admins, err := deploy.ParseAdmins(test.texts...)
		var got []string
		for _, admin := range admins {
			got = append(got, admin.String())
		}
		if err == nil && (strings.Join(got, " ") != test.want || len(test.wrong) > 0) {
			t.Errorf("%q: %v", test.texts, got)
		}
		if err != nil && len(test.wrong) == 0 {
			t.Errorf("%q: %v", test.texts, err)
		}
		for _, wrong := range test.wrong {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%q: %v, not %q", test.texts, err, wrong)
			}
		}
	}
}

func TestNewMaintenance(t *testing.T) {
	set := edit(t, shop, "x-deploy:\n  verify:", "x-deploy:\n  maintenance: {message: Moving, retry_after: 5m, admins: 10.0.0.0/8}\n  verify:")
	behind := edit(t, set, `"80:8080"`, `"127.0.0.1:80:8080"`)
	for _, test := range []struct {
		name, compose string
		given         deploy.MaintenanceSettings
		message       string
		after         time.Duration
		admins        int
		forwarded     bool
		wrong         string
	}{
		{name: "nothing said", compose: shop, message: deploy.DefaultMaintenanceMessage, after: 2 * time.Minute},
		{name: "settings", compose: set, message: "Moving", after: 5 * time.Minute, admins: 1},
		{name: "flags", compose: set, given: deploy.MaintenanceSettings{Message: "Now", RetryAfter: time.Minute, Admins: []string{"10.1.0.0/16,10.2.0.0/16"}}, message: "Now", after: time.Minute, admins: 2},
		{name: "behind a front", compose: behind, message: "Moving", after: 5 * time.Minute, admins: 1, forwarded: true},
		{name: "control characters", compose: set, given: deploy.MaintenanceSettings{Message: "a\x1b[31m"}, wrong: "the message has control characters"},
		{name: "too long", compose: set, given: deploy.MaintenanceSettings{Message: strings.Repeat("a", 1001)}, wrong: "the message has 1001 bytes; allowed: 1000"},
		{name: "too soon", compose: set, given: deploy.MaintenanceSettings{RetryAfter: time.Millisecond}, wrong: "retry after 1ms; allowed: 1s to 168h0m0s"},
		{name: "no address", compose: set, given: deploy.MaintenanceSettings{Admins: []string{"anna"}}, wrong: `"anna" is no address`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := deploy.NewMaintenance(release(t, test.compose, "v1").Environment, test.given)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("%v, not %q", err, test.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Message != test.message || got.RetryAfter != test.after || len(got.Admins) != test.admins || got.Forwarded != test.forwarded {
				t.Errorf("made %+v", got)
			}
		})
	}
}

// maintained is a maintenance of the release that serves.
func (s *site) maintained() *deploy.Maintenance {
	s.t.Helper()
	serving, err := s.deploy.Serving(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := deploy.NewMaintenance(serving.Environment, deploy.MaintenanceSettings{Admins: []string{"203.0.113.7"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// maintain switches a maintenance, which has to go well.
func (s *site) maintain(m *deploy.Maintenance) {
	s.t.Helper()
	if running, err := s.deploy.Maintain(s.t.Context(), m); err != nil || !running {
		s.t.Fatalf("maintain: %t, %v", running, err)
	}
}

// shows says whether visitors get the page.
func (s *site) shows() bool {
	s.t.Helper()
	_, err := s.Ask(s.t.Context(), "frontend")
	return errors.Is(err, fake.ErrTurnedAway)
}

func TestMaintenance(t *testing.T) {
	in(t, "is for a release that serves", func(t *testing.T, s *site) {
		if _, err := s.deploy.Maintain(t.Context(), &deploy.Maintenance{}); err == nil || !strings.Contains(err.Error(), "no proxy was deployed yet") {
			t.Error(err)
		}
		if kept, err := s.deploy.Store.Maintenance(); kept != nil || err != nil {
			t.Errorf("kept %+v, %v", kept, err)
		}
	})
	in(t, "outlives a deploy, a failed one and a rollback", func(t *testing.T, s *site) {
		v1 := s.serve(shop, "v1")
		s.maintain(s.maintained())
		admin := fake.Visitor{Address: netip.MustParseAddr("203.0.113.7")}
		if _, err := s.AskAs(t.Context(), "frontend", admin); err != nil || !s.shows() {
			t.Errorf("an admin: %v", err)
		}
		report, err := s.deploy.Rollout(t.Context(), release(t, shop, "v2"), deploy.Options{})
		if err != nil || report.Maintenance == nil || report.Probe.Sent < 100 || report.Probe.Failed > 0 {
			t.Fatalf("%+v: %v", report, err)
		}
		s.Behaviours["frontend:v3"] = fake.Behaviour{FailEvery: 1}
		if report, err := s.deploy.Rollout(t.Context(), release(t, shop, "v3"), deploy.Options{}); err == nil || report.Outcome != deploy.OutcomeRolledBack {
			t.Fatalf("%+v: %v", report, err)
		}
		if _, err := s.deploy.Rollout(t.Context(), v1, deploy.Options{Rollback: true}); err != nil {
			t.Fatal(err)
		}
		s.atRest(v1)
		kept, err := s.deploy.Store.Maintenance()
		if err != nil || kept == nil || !s.shows() {
			t.Fatalf("kept %+v, %v", kept, err)
		}
		s.maintain(nil)
		if kept, err := s.deploy.Store.Maintenance(); err != nil || kept != nil || s.shows() {
			t.Errorf("kept %+v, %v", kept, err)
		}
	})
	in(t, "does not hide a release that fails", func(t *testing.T, s *site) {
		v1 := s.serve(shop, "v1")
		s.maintain(s.maintained())
		s.Behaviours["frontend:v2"] = fake.Behaviour{FailEvery: 1}
		report, err := s.deploy.Rollout(t.Context(), release(t, shop, "v2"), deploy.Options{})
		if err == nil || report.Outcome != deploy.OutcomeRolledBack || !strings.Contains(err.Error(), "500 from shop-frontend-2") {
			t.Errorf("%+v: %v", report, err)
		}
		s.atRest(v1)
	})
	in(t, "is completed after a kill", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		for number, on := range []bool{true, false} {
			m := s.maintained()
			if !on {
				m = nil
			}
			s.KillAt = len(s.Calls()) + 1
			if _, err := s.deploy.Maintain(t.Context(), m); !errors.Is(err, fake.ErrDead) {
				t.Fatal(err)
			}
			s.Revive()
			if s.shows() == on {
				t.Fatal("it was switched all the same")
			}
			next := release(t, shop, []string{"v2", "v3"}[number])
			if _, err := s.deploy.Rollout(t.Context(), next, deploy.Options{}); err != nil {
				t.Fatal(err)
			}
			s.atRest(next)
			if s.shows() != on {
				t.Errorf("on: %t, and the page is shown: %t", on, !on)
			}
			notes := strings.Join(s.texts(deploy.EventNote), "\n")
			if !strings.Contains(notes, "the maintenance is to be "+[]string{"on", "off"}[number]) {
				t.Errorf("it is not noted:\n%s", notes)
			}
		}
	})
	in(t, "that cannot be read holds up no deploy", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		path := filepath.Join(s.deploy.Store.Directory, ".deploy/maintenance.json")
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.serve(shop, "v2")
		if notes := strings.Join(s.texts(deploy.EventNote), "\n"); !strings.Contains(notes, path) || !strings.Contains(notes, "mage maintenance off") {
			t.Errorf("it is not noted:\n%s", notes)
		}
		s.maintain(nil)
		if kept, err := s.deploy.Store.Maintenance(); kept != nil || err != nil {
			t.Errorf("kept %+v, %v", kept, err)
		}
	})
}

// asked is a prober that notes to whom the pass is shown.
type asked struct {
	deploy.Prober
	passed, without []string
}

func (a *asked) Probe(ctx context.Context, check deploy.HTTPCheck) error {
	if strings.Contains(check.URL, "example") {
		if check.Pass == "" {
			a.without = append(a.without, check.URL)
		} else {
			a.passed = append(a.passed, check.URL)
		}
		return nil
	}
	return a.Prober.Probe(ctx, check)
}

func (a *asked) Walk(ctx context.Context, flow deploy.HTTPFlow) error {
	for _, step := range flow.Steps {
		if err := a.Probe(ctx, step.HTTPCheck); err != nil {
			return err
		}
	}
	return nil
}

func TestThePassIsShownToNobodyElse(t *testing.T) {
	in(t, "it", func(t *testing.T, s *site) {
		compose := edit(t, shop, "port: 3000}", `port: 3000, hosts: [shop.example, "*.shops.example"]}`, "    - url: http://127.0.0.1:80/\n", `
    - url: https://shop.example/
    - url: https://www.Shops.example/
    - url: https://shops.example/
    - url: https://shop.example.evil.example/
    - url: https://status.example/?shop.example
`)
		prober := &asked{Prober: s.Prober}
		s.deploy.Prober = prober
		s.serve(compose, "v1")
		if len(prober.passed) > 0 || len(prober.without) != 5 {
			t.Errorf("without a maintenance it was shown to %v", prober.passed)
		}
		s.maintain(s.maintained())
		prober.without = nil
		s.serve(compose, "v2")
		if want := []string{"https://shop.example/", "https://www.Shops.example/"}; !slices.Equal(prober.passed, want) {
			t.Errorf("shown to %v", prober.passed)
		}
		if len(prober.without) != 3 {
			t.Errorf("asked without it: %v", prober.without)
		}
		folder := filepath.Join(s.deploy.Store.Directory, ".deploy")
		info, err := os.Stat(filepath.Join(folder, "maintenance.key"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the pass's file: %v, %v", info.Mode(), err)
		}
		key, err := os.ReadFile(filepath.Join(folder, "maintenance.key"))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join(folder, "maintenance.json"))
		if err != nil || strings.Contains(string(kept), strings.TrimSpace(string(key))) {
			t.Errorf("the pass stands in %s, %v", kept, err)
		}
	})
}
