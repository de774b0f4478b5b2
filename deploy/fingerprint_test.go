package deploy

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestFingerprintsTellChangesAndNoValue(t *testing.T) {
	store := &Store{Directory: t.TempDir(), Environment: "test"}
	before, err := store.Fingerprints(map[string]string{"A": "canary-1", "B": "same", "GONE": ""})
	if err != nil {
		t.Fatal(err)
	}
	now, err := store.Fingerprints(map[string]string{"A": "canary-2", "B": "same", "NEW": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ChangedVariables(before, now), " "); got != "A GONE NEW" {
		t.Errorf("changed are %q", got)
	}
	written, _ := json.Marshal(before)
	if strings.Contains(string(written), "canary") {
		t.Errorf("a value is in %s", written)
	}
	elsewhere, err := (&Store{Directory: t.TempDir()}).Fingerprints(map[string]string{"B": "same"})
	if err != nil || elsewhere["B"] == before["B"] {
		t.Errorf("another host gives the same fingerprint: %v", err)
	}
}

func TestTheHostsVariablesAreTheirOwners(t *testing.T) {
	store := &Store{Directory: t.TempDir(), Environment: "test"}
	if err := store.WriteEnv([]byte("A=1\n")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(store.EnvPath())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v: %v", info.Mode(), err)
	}
}
