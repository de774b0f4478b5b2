package proxy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestOnlyWholeFilesAreWhole(t *testing.T) {
	config := seal("global\n    maxconn 1\n")
	if !whole(config) {
		t.Error("a sealed file is not whole")
	}
	for cut := range len(config) {
		if whole(config[:cut]) {
			t.Errorf("whole after %d of %d bytes", cut, len(config))
		}
	}
	if changed := append([]byte("#"), config...); whole(changed) {
		t.Error("whole after a change")
	}
}

func TestADamagedFileIsRepaired(t *testing.T) {
	p := New(Options{Dir: filepath.Join(t.TempDir(), "deep", "proxy")})
	routes := []deploy.Route{{Service: "web", Listen: 80, Port: 8000}}
	if err := p.Configure(t.Context(), routes, deploy.Routing{"web": {"web-1"}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.dir, configFile)
	good, err := os.ReadFile(path)
	if err != nil || !whole(good) {
		t.Fatalf("configure wrote no whole file: %v", err)
	}
	damage := func() {
		if err := os.WriteFile(path, good[:100], 0o640); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(step string, want bool, did bool, err error) {
		t.Helper()
		got, _ := os.ReadFile(path)
		if err != nil || did != want || whole(got) != (want || step == "whole") {
			t.Errorf("%s: repaired %v, whole %v, %v", step, did, whole(got), err)
		}
	}
	did, err := p.Repair()
	expect("whole", false, did, err)
	damage()
	did, err = p.Repair()
	expect("nothing to return to", false, did, err)
	if err := p.keepLastGood(good); err != nil {
		t.Fatal(err)
	}
	did, err = p.Repair()
	expect("damaged", true, did, err)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	did, err = p.Repair()
	expect("missing", true, did, err)

	damage()
	if err := p.Configure(t.Context(), routes, deploy.Routing{"web": {"web-1"}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != string(good) {
		t.Error("configure left the damaged file")
	}
}

func TestTheFolderLetsItsGroupInAndNobodyElse(t *testing.T) {
	p := New(Options{Dir: filepath.Join(t.TempDir(), "proxy")})
	for range 2 {
		if err := p.EnsureDir(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(p.dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != os.ModeDir|folderMode || groupOf(info) != Group() {
			t.Errorf("mode %v, group %d", info.Mode(), groupOf(info))
		}
		if err := os.Chmod(p.dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.write("some", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(p.dir, "some")); err != nil || info.Mode() != 0o640 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(p.dir, ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
