package session

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const (
	// bundledRuns is how many of the last transcripts are in a bundle, and
	// bundledLog how much of a log's end.
	bundledRuns = 5
	bundledLog  = 256 << 10
	bundleLines = 500
)

// WriteBundle writes an archive to attach to an issue: the findings and what
// they were made from, the last commands, the Compose file with its variables
// unexpanded, and each container's inspection and last lines. Secrets are not in
// it: of variables there are the names. "-" is standard output.
func (s *Session) WriteBundle(ctx context.Context, path string, diagnosis *Diagnosis) (err error) {
	out := io.Writer(os.Stdout)
	if path != "-" {
		file, openErr := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // whoever reads it decides who else may
		if openErr != nil {
			return fmt.Errorf("write the bundle: %w", openErr)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	packed := gzip.NewWriter(out)
	b := &bundle{tar: tar.NewWriter(packed), session: s, at: time.Now(), redactor: s.redactor(ctx, diagnosis)}
	b.add("README.txt", []byte("Made by mage doctor -bundle. Values of secrets are not in it; have a look all the same before you attach it.\n"))
	b.json("findings.json", diagnosis)
	b.json("evidence.json", diagnosis.evidence)
	b.json("versions.json", s.versions(ctx))
	if s.Engine != nil {
		if status, err := s.Status(ctx); err == nil { // else the findings say why not
			b.json("status.json", status)
		}
	}
	b.records()
	b.containers(ctx, diagnosis)
	if err := errors.Join(b.err, b.tar.Close(), packed.Close()); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	if path != "-" {
		fmt.Fprintln(os.Stderr, "written: "+path)
	}
	return nil
}

// redactor knows the secrets of .env and of every container.
func (s *Session) redactor(ctx context.Context, diagnosis *Diagnosis) *deploy.Redactor {
	known := []map[string]string{s.Host.Variables}
	for _, container := range diagnosis.evidence.Containers {
		if s.Engine == nil || container.Gone {
			continue
		}
		variables, arguments, err := s.Engine.Environment(ctx, container.Name)
		if err != nil {
			continue // it is gone, and so is what it knew
		}
		known = append(known, variables)
		if password := requirePass(arguments); password != "" {
			known = append(known, map[string]string{"REQUIREPASS": password})
		}
	}
	return deploy.NewRedactor(known...)
}

// bundle is an archive that is being written. The first error stays.
type bundle struct {
	tar      *tar.Writer
	session  *Session
	at       time.Time
	redactor *deploy.Redactor
	err      error
}

func (b *bundle) add(name string, content []byte) {
	if b.err != nil {
		return
	}
	text := b.redactor.Redact(string(content))
	b.err = b.tar.WriteHeader(&tar.Header{Name: "doctor/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: b.at})
	if b.err == nil {
		_, b.err = io.WriteString(b.tar, text)
	}
}

func (b *bundle) json(name string, value any) {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		b.err = errors.Join(b.err, err)
		return
	}
	b.add(name, append(content, '\n'))
}

// file adds the end of a file; one that is not there is left out.
func (b *bundle) file(name, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		return
	}
	b.add(name, content[max(0, len(content)-bundledLog):])
}

// records adds what the deploy directory keeps.
func (b *bundle) records() {
	store := b.session.Host.Store
	b.file("docker-compose."+store.Environment+".yml", store.ComposePath())
	names := slices.Sorted(maps.Keys(b.session.Host.Variables))
	b.add("variables.txt", []byte(strings.Join(names, "\n")+"\n"))
	runs, _ := store.Transcripts() // none where they cannot be listed
	for _, id := range runs[:min(len(runs), bundledRuns)] {
		b.file("runs/"+id+".jsonl", filepath.Join(store.Directory, ".deploy", "runs", id+".jsonl"))
	}
	b.file("journal.jsonl", filepath.Join(store.Directory, ".deploy", "journal.jsonl"))
	b.file("haproxy.cfg", filepath.Join(store.ProxyDir(), "haproxy.cfg"))
}

// containers adds each container's inspection and last lines, and those that
// are kept of the release that failed.
func (b *bundle) containers(ctx context.Context, diagnosis *Diagnosis) {
	for _, container := range diagnosis.evidence.Containers {
		if container.Gone {
			b.add("failed/"+container.Name+".log", []byte(strings.Join(container.Lines, "\n")+"\n"))
			continue
		}
		evidence, err := b.session.Engine.Evidence(ctx, container.Name, bundleLines)
		if err != nil {
			b.add("containers/"+container.Name+".error", []byte(err.Error()+"\n"))
			continue
		}
		b.add("containers/"+container.Name+".log", evidence.Logs[max(0, len(evidence.Logs)-bundledLog):])
		b.add("containers/"+container.Name+".json", evidence.Inspect)
	}
}

// versions are those of what is at work.
func (s *Session) versions(ctx context.Context) map[string]string {
	versions := map[string]string{"go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH}
	if build, ok := debug.ReadBuildInfo(); ok {
		versions["mage"] = build.Main.Version
		for _, setting := range build.Settings {
			if setting.Key == "vcs.revision" {
				versions["commit"] = setting.Value
			}
		}
	}
	if s.Engine != nil {
		if version, err := s.Engine.Version(ctx); err == nil {
			versions["engine"] = version
		}
	}
	return versions
}
