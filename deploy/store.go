package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Store is the deploy directory of one environment on its host: the rendered
// Compose file, and under .deploy the records, the lock and the journal.
// Every file is replaced whole, never changed in place.
type Store struct {
	// Directory is the deploy directory: /opt/webshop.
	Directory string
	// Environment names the rendered file: docker-compose.<environment>.yml.
	Environment string
}

const (
	privateDir  = 0o750
	privateFile = 0o640
	secretFile  = 0o600
)

// ComposePath is the rendered file of the release that serves.
func (s *Store) ComposePath() string {
	return filepath.Join(s.Directory, "docker-compose."+s.Environment+".yml")
}

// EnvPath is the file with the host's variables.
func (s *Store) EnvPath() string { return filepath.Join(s.Directory, ".env") }

// ProxyDir is the folder that the proxy's container has mounted.
func (s *Store) ProxyDir() string { return s.path("proxy") }

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.Directory, ".deploy"}, parts...)...)
}

func (s *Store) release(id string, parts ...string) string {
	return s.path(append([]string{"releases", id}, parts...)...)
}

// Save writes a release's record and rendered Compose file, before anything of
// it is started.
func (s *Store) Save(release *Release) error {
	summed := *release
	summed.Sum = sumOf(release.Rendered)
	record, err := json.MarshalIndent(summed, "", "  ")
	if err != nil {
		return fmt.Errorf("save release %s: %w", release, err)
	}
	if err := writeFile(s.release(release.ID, "compose.yml"), release.Rendered); err != nil {
		return fmt.Errorf("save release %s: %w", release, err)
	}
	if err := writeFile(s.release(release.ID, "record.json"), append(record, '\n')); err != nil {
		return fmt.Errorf("save release %s: %w", release, err)
	}
	return nil
}

// Commit makes a saved release the one that serves: its rendered Compose file
// is put in place, and then, in one rename, it is the current one.
func (s *Store) Commit(release *Release) error {
	if err := writeFile(s.ComposePath(), release.Rendered); err != nil {
		return fmt.Errorf("commit release %s: %w", release, err)
	}
	if before, err := s.Serving(); err == nil && before != "" && before != release.ID {
		if err := writeFile(s.path("previous"), []byte(before+"\n")); err != nil {
			return fmt.Errorf("commit release %s: %w", release, err)
		}
	}
	if err := writeFile(s.path("current"), []byte(release.ID+"\n")); err != nil {
		return fmt.Errorf("commit release %s: %w", release, err)
	}
	if err := writeFile(s.release(release.ID, servedMark), nil); err != nil {
		return fmt.Errorf("commit release %s: %w", release, err)
	}
	return nil
}

// Serving gives the identifier of the release that was committed last; empty
// where there is none.
func (s *Store) Serving() (string, error) {
	content, err := os.ReadFile(s.path("current"))
	if errors.Is(err, fs.ErrNotExist) {
		return s.lostServing()
	}
	if err != nil {
		return "", fmt.Errorf("read which release serves: %w", err)
	}
	id := string(trimLine(content))
	if _, err := os.Stat(s.release(id)); id == "" || filepath.Base(id) != id || err != nil {
		return s.servingInPlace()
	}
	return id, nil
}

// servedMark is a file beside the record of each release that was ever
// committed: its report only tells how the last command with it ended.
const servedMark = "served"

// ServingSince is when that was committed.
func (s *Store) ServingSince() (time.Time, error) {
	info, err := os.Stat(s.path("current"))
	if err != nil {
		return time.Time{}, fmt.Errorf("read since when a release serves: %w", err)
	}
	return info.ModTime(), nil
}

// InPlace says whether the Compose file in the deploy directory is the
// rendered one of that release.
func (s *Store) InPlace(release *Release) bool {
	content, err := os.ReadFile(s.ComposePath())
	return err == nil && release != nil && string(content) == string(release.Rendered)
}

// Load reads a release's record. Its environment is not decoded yet.
func (s *Store) Load(id string) (*Release, error) {
	release, err := s.record(id)
	if err == nil {
		release.Rendered, err = s.rendered(release)
	} else if errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) {
		release, err = s.salvage(id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of release %s: %w", id, err)
	}
	return release, nil
}

// record reads what stands in a record; errDamaged where that is none.
func (s *Store) record(id string) (*Release, error) {
	path := s.release(id, "record.json")
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	release := &Release{}
	if err := json.Unmarshal(content, release); err != nil {
		return nil, fmt.Errorf("%s %w: %w", path, errDamaged, err)
	}
	if release.ID != id || len(release.Images) == 0 || CheckVersion(release.Version) != nil {
		return nil, fmt.Errorf("%s %w: it is not that of %s", path, errDamaged, id)
	}
	return release, nil
}

// Releases gives the identifiers of all recorded releases, the newest first.
func (s *Store) Releases() ([]string, error) {
	entries, err := os.ReadDir(s.path("releases"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the releases: %w", err)
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() {
			ids = append(ids, entry.Name())
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

// Find gives the newest recorded release of a version.
func (s *Store) Find(version string) (*Release, error) {
	ids, err := s.Releases()
	if err != nil {
		return nil, err
	}
	var known []string
	for _, id := range ids {
		release, err := s.Load(id)
		if err != nil {
			continue // a damaged record is not what is looked for
		}
		if release.Version == version {
			return release, nil
		}
		if !slices.Contains(known, release.Version) {
			known = append(known, release.Version)
		}
	}
	return nil, &UnknownRelease{Version: version, Known: known}
}

// Previous is what people type for the release before the one that serves.
const Previous = "previous"

// previous is the identifier of the release that served before another one was
// committed; empty where that is not known.
func (s *Store) previous() string {
	content, err := os.ReadFile(s.path("previous"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// FindPrevious gives the release that served before the one that serves or,
// where that is not known or not recorded any more, the newest recorded one,
// beside the one that serves, that has served.
func (s *Store) FindPrevious() (*Release, error) {
	serving, err := s.Serving()
	if err != nil {
		return nil, err
	}
	if previous := s.previous(); previous != "" && previous != serving && s.recorded(previous) {
		if release, err := s.Load(previous); err == nil {
			return release, nil
		}
	}
	ids, err := s.Releases()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if id == serving || !s.Served(id) {
			continue
		}
		if release, err := s.Load(id); err == nil {
			return release, nil
		}
	}
	return nil, &Failure{Status: ExitUsage, Err: errors.New("no release served before the one that serves"), Hint: "See what there is: mage releases"}
}

// Report reads what came of the last command that rolled a release out.
func (s *Store) Report(id string) (*Report, error) {
	content, err := os.ReadFile(s.release(id, "report.json"))
	if err != nil {
		return nil, fmt.Errorf("read the report of release %s: %w", id, err)
	}
	report := &Report{}
	if err := json.Unmarshal(content, report); err != nil {
		return nil, fmt.Errorf("read the report of release %s: %w", id, err)
	}
	return report, nil
}

// KeepEvidence saves a removed container's log and inspection under a release.
func (s *Store) KeepEvidence(release *Release, container string, evidence Evidence) error {
	if err := writeFile(s.release(release.ID, "containers", container+".log"), evidence.Logs); err != nil {
		return err
	}
	return writeFile(s.release(release.ID, "containers", container+".json"), evidence.Inspect)
}

// MarkStopping notes that a container is about to be told to stop. Whoever
// finds it running after an interrupted command must not count on it.
func (s *Store) MarkStopping(container Container) error {
	path := s.path("stopping", container.ID)
	if err := os.MkdirAll(filepath.Dir(path), privateDir); err != nil {
		return err
	}
	return os.WriteFile(path, nil, privateFile)
}

// Stopping says whether a container was told to stop.
func (s *Store) Stopping(container Container) bool {
	_, err := os.Stat(s.path("stopping", container.ID))
	return err == nil
}

// forgetStopping takes the note back. One that stays does no harm: the engine
// never gives an identifier twice.
func (s *Store) forgetStopping(container Container) {
	_ = os.Remove(s.path("stopping", container.ID))
}

// SaveReport keeps what came of a command beside its release.
func (s *Store) SaveReport(release *Release, report *Report) error {
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("save the report of %s: %w", release, err)
	}
	return writeFile(s.release(release.ID, "report.json"), append(content, '\n'))
}

// writeFile replaces a file whole: a temporary one beside it, fsynced, renamed
// over it, and the folder fsynced, so that a crash leaves the old or the new.
func writeFile(path string, content []byte) error { return replaceFile(path, content, privateFile) }

// writeSecret is writeFile for what only its owner may read.
func writeSecret(path string, content []byte) error { return replaceFile(path, content, secretFile) }

func replaceFile(path string, content []byte, mode os.FileMode) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, privateDir); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone already where the rename went well
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(folder)
}

func syncDir(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func trimLine(content []byte) []byte {
	for len(content) > 0 && (content[len(content)-1] == '\n' || content[len(content)-1] == '\r') {
		content = content[:len(content)-1]
	}
	return content
}
