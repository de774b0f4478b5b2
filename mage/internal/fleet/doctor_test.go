package fleet

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// TestTheDoctorNamesWhatIsInTheWay asks a host on whose port nobody listens.
func TestTheDoctorNamesWhatIsInTheWay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("STAGING_HOST", "ssh://deploy@"+address)
	t.Setenv("REGISTRY", "ghcr.io/acme")
	diagnoses, err := open(t, "staging").Doctor(t.Context(), "")
	if err != nil || len(diagnoses) != 1 || len(diagnoses[0].Findings) == 0 {
		t.Fatalf("%v, %+v", err, diagnoses)
	}
	first := diagnoses[0].Findings[0]
	if first.Cause != doctor.CauseSSHUnreachable || !strings.Contains(first.Fix, "sshd runs there") {
		t.Errorf("found %+v", first)
	}
	if failure := diagnoses[0].Err(); failure == nil {
		t.Error("a host that cannot be reached is no error")
	}
}

// TestWays has the sentences of deploy/remote.
func TestWays(t *testing.T) {
	for sentence, want := range map[string]doctor.RemoteReason{
		"the host is up, but nothing listens on port 22":                       doctor.RemoteUnreachable,
		"no host has the name key.example":                                     doctor.RemoteUnreachable,
		"THE HOST KEY HAS CHANGED: either the host was set up anew, or":        doctor.RemoteHostKey,
		"the host key is not known: ssh-ed25519 SHA256:x":                      doctor.RemoteHostKey,
		"the host refused every key: ssh-ed25519 SHA256:x (~/.ssh/id_ed25519)": doctor.RemoteLogin,
		"there is no key to offer":                                             doctor.RemoteLogin,
		"no answer in 10s":                                                     doctor.RemoteUnreachable,
	} {
		way := wayOf("shop.example", &deploy.Failure{Err: errors.New("connect to shop.example: " + sentence), Hint: "a hint"})
		if way.Kind != want || way.Fix != "a hint" {
			t.Errorf("%q: %+v", sentence, way)
		}
	}
	if way := wayOf("shop.example", errors.New("broken")); way.Fix == "" {
		t.Error("nothing is said to do")
	}
}
