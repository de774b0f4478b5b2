package deploy

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// fingerprintKey is how many bytes the host's own key has.
const fingerprintKey = 32

// Fingerprints stand for the values of variables, so that a later command can
// say which of them are others now. They are made with a key that never leaves
// the host: nobody can try values against them elsewhere.
func (s *Store) Fingerprints(variables map[string]string) (map[string]string, error) {
	key, err := s.fingerprintKey()
	if err != nil {
		return nil, err
	}
	prints := make(map[string]string, len(variables))
	for name, value := range variables {
		sum := hmac.New(sha256.New, key)
		fmt.Fprintf(sum, "%s=%s", name, value)
		prints[name] = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	return prints, nil
}

func (s *Store) fingerprintKey() ([]byte, error) {
	path := s.path("fingerprint.key")
	key, err := os.ReadFile(path)
	if err == nil && len(key) == fingerprintKey {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the key of the variables' fingerprints: %w", err)
	}
	key = make([]byte, fingerprintKey)
	_, _ = rand.Read(key) // never fails
	if err := writeSecret(path, key); err != nil {
		return nil, fmt.Errorf("make the key of the variables' fingerprints: %w", err)
	}
	return key, nil
}

// ChangedVariables names those whose values differ between two sets of
// fingerprints, those that only one has included.
func ChangedVariables(before, now map[string]string) []string {
	var changed []string
	for name, value := range before {
		if now[name] != value {
			changed = append(changed, name)
		}
	}
	for name := range now {
		if _, ok := before[name]; !ok {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return changed
}

// WriteEnv replaces the host's variables. Only their owner may read them.
func (s *Store) WriteEnv(content []byte) error {
	if err := writeSecret(s.EnvPath(), content); err != nil {
		return fmt.Errorf("write the host's variables: %w", err)
	}
	return nil
}

func sortedKeys[K interface{ ~int | ~string }, V any](of map[K]V) []K {
	return slices.Sorted(maps.Keys(of))
}
