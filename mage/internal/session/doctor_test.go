package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// TestLooksAreBounded has one look hang for good, one go wrong and one panic:
// the others count, and each of these is named.
func TestLooksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evidence := &doctor.Evidence{}
		all := &looks{evidence: evidence}
		release := make(chan struct{})
		began := time.Now()
		all.look(t.Context(), "what hangs", func(context.Context) (func(*doctor.Evidence), error) {
			<-release
			return func(e *doctor.Evidence) { e.Serving = "too late" }, nil
		})
		all.look(t.Context(), "what fails", func(context.Context) (func(*doctor.Evidence), error) { return nil, errors.New("no\nreason") })
		all.look(t.Context(), "what panics", func(context.Context) (func(*doctor.Evidence), error) { panic("at once") })
		all.look(t.Context(), "what is slow", func(context.Context) (func(*doctor.Evidence), error) {
			<-time.After(lookLimit / 2)
			return func(e *doctor.Evidence) { e.Environment = "seen" }, nil
		})
		all.wait()
		if took := time.Since(began); took > lookLimit+lookLimit/5 {
			t.Errorf("it took %s", took)
		}
		close(release)
		synctest.Wait()
		if evidence.Environment != "seen" || evidence.Serving != "" {
			t.Errorf("seen: %+v", evidence)
		}
		said := strings.Join(evidence.Unseen, "\n")
		for _, want := range []string{"what hangs: no answer within 4s", "what fails: no", "what panics: it went wrong: at once"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not said:\n%s", want, said)
			}
		}
	})
}

func TestStatementsHaveNoValues(t *testing.T) {
	for statement, want := range map[string]string{
		"SELECT *\n  FROM users WHERE mail = 'anna@shop.example'": "SELECT * FROM users WHERE mail = '…'",
		"UPDATE x SET a = 'it''s', b = $1":                        "UPDATE x SET a = '…', b = $1",
		"DO $body$ secret $body$":                                 "DO '…'",
		"SELECT 'cut off in the mid":                              "SELECT '…'",
		"SELECT " + strings.Repeat("a, ", 100):                    "SELECT " + strings.Repeat("a, ", 37) + "a…",
	} {
		if got := withoutValues(statement); got != want {
			t.Errorf("%q became %q, wanted %q", statement, got, want)
		}
	}
}

func TestInspections(t *testing.T) {
	got := inspected([]byte(`{"State": {"Status": "exited", "ExitCode": 137, "OOMKilled": true, "Error": "boom",
		"Health": {"Log": [{"Output": "first"}, {"Output": "second\n"}, {"Output": "third"}]}},
		"RestartCount": 4, "HostConfig": {"Memory": 1000, "NanoCpus": 500000000},
		"Config": {"Image": "shop:1", "Labels": {"com.docker.compose.service": "web"}}}`))
	if got.Service != "web" || got.ExitCode != 137 || !got.OOMKilled || got.Error != "boom" || got.Restarts != 4 ||
		got.Usage.MemoryLimit != 1000 || got.Usage.CPULimit != 0.5 || strings.Join(got.Checks, " ") != "second third" {
		t.Errorf("read: %+v", got)
	}
	if got := inspected([]byte("no JSON")); got.Service != "" {
		t.Errorf("read: %+v", got)
	}
}

func TestReasonsOfPulls(t *testing.T) {
	for text, want := range map[string]doctor.ImageReason{
		"ghcr.io does not let this host in, or has no such repository: denied": doctor.ImageSignIn,
		"ghcr.io has had too many requests: toomanyrequests":                   doctor.ImageLimited,
		"the certificate of registry.example is not trusted: x509":             doctor.ImageCertificate,
		"registry.example has no such image: manifest unknown":                 doctor.ImageNoTag,
		"registry.example cannot be reached from this host: no such host":      doctor.ImageUnreachable,
		"something else": doctor.ImageOther,
	} {
		if got := reasonOf(text); got != want {
			t.Errorf("%q is %q, wanted %q", text, got, want)
		}
	}
}
