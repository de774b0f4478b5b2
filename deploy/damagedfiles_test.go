package deploy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// stateFiles are those that a deploy directory has between two commands.
func stateFiles(t *testing.T, directory string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			name, _ := filepath.Rel(directory, path)
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// spoils are what a full disk, a power cut or an editor makes of a file.
var spoils = []struct {
	name  string
	spoil func(path string, content []byte) error
}{
	{"emptied", func(path string, _ []byte) error { return os.Truncate(path, 0) }},
	{"cut in half", func(path string, content []byte) error { return os.Truncate(path, int64(len(content)/2)) }},
	{"zeroed", func(path string, content []byte) error { return os.WriteFile(path, make([]byte, len(content)), 0o600) }},
	{"garbage", func(path string, _ []byte) error {
		return os.WriteFile(path, []byte("{\"id\": 7, \x00\xff]]\nname: [\n"), 0o600)
	}},
	{"removed", func(path string, _ []byte) error { return os.Remove(path) }},
}

// TestDamagedStateFiles spoils each file of the deploy directory in each way,
// and then recovers, deploys and rolls back: each does so, or fails with a word
// on what to do before anything is touched.
func TestDamagedStateFiles(t *testing.T) {
	var files []string
	synctest.Test(t, func(t *testing.T) {
		s := twoReleases(t)
		files = stateFiles(t, s.deploy.Store.Directory)
	})
	for number := range files {
		for kind, spoil := range spoils {
			for at, command := range []string{"recover", "deploy", "rollback"} {
				if !*everything && (number+kind)%3 != at {
					continue
				}
				t.Run(fmt.Sprintf("%s of file %d, then %s", spoil.name, number, command), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						s := twoReleases(t)
						file := stateFiles(t, s.deploy.Store.Directory)[number]
						path := filepath.Join(s.deploy.Store.Directory, file)
						content, err := os.ReadFile(path)
						if err != nil {
							t.Fatal(err)
						}
						if err := spoil.spoil(path, content); err != nil {
							t.Fatal(err)
						}
						s.afterDamage(command, file)
					})
				})
			}
		}
	}
}

// twoReleases is a host on which v2 serves and v1 did.
func twoReleases(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	for _, version := range []string{"v1", "v2"} {
		made, err := s.make(shop, version)
		if err == nil {
			_, err = s.deploy.Rollout(t.Context(), made, deploy.Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	journal, err := s.deploy.Store.OpenJournal()
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range s.events {
		if err := journal.Write(event); err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// afterDamage runs a command under load on a host with a damaged file.
func (s *site) afterDamage(command, file string) {
	s.t.Helper()
	running := s.Names()
	stop := s.load("backend", "frontend")
	err := s.carryOut(command)
	stop()
	s.kept()
	if err == nil {
		serving, err := s.deploy.Serving(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		s.settled(serving)
		return
	}
	failure, ok := errors.AsType[*deploy.Failure](err)
	unknown, _ := errors.AsType[*deploy.UnknownRelease](err)
	if unknown == nil && (!ok || failure.Hint == "") {
		s.t.Errorf("%s with a damaged %s does not say what to do: %v", command, file, err)
	}
	if now := s.Names(); !slices.Equal(now, running) {
		s.t.Errorf("%s failed with a damaged %s and touched what runs, %s: %v", command, file, strings.Join(now, " "), err)
	}
}

func (s *site) carryOut(command string) error {
	var release *deploy.Release
	var err error
	switch command {
	case "recover":
		_, err = s.deploy.Recover(s.t.Context(), deploy.Options{})
		return err
	case "deploy":
		release, err = s.make(shop, "v3")
	default:
		if release, err = s.deploy.Store.Find("v1"); err == nil {
			err = s.deploy.Decode(s.t.Context(), release)
		}
	}
	if err == nil {
		_, err = s.deploy.Rollout(s.t.Context(), release, deploy.Options{Rollback: command == "rollback"})
	}
	return err
}
