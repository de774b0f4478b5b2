package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Adoption is the record of one: on its way, or done.
type Adoption struct {
	// Release is the identifier of the release that takes over, and Version
	// what people call it.
	Release string `json:"release"`
	Version string `json:"version"`
	// Since divides the containers: what was created before is not a deploy's.
	Since time.Time `json:"since"`
	// Unfinished is true until the last of what stood before is parked, and
	// again while an adoption is undone.
	Unfinished bool `json:"unfinished"`
	// Gap is when the ports were given up, until they are served again.
	Gap time.Time `json:"gap,omitzero"`
}

func (s *Store) adopted(parts ...string) string {
	return s.path(append([]string{"adopted"}, parts...)...)
}

// Adoption reads the record; nil where there is none.
func (s *Store) Adoption() (*Adoption, error) {
	content, err := os.ReadFile(s.adopted("adoption.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var adoption Adoption
	if err == nil {
		err = json.Unmarshal(content, &adoption)
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of the adoption: %w", err)
	}
	return &adoption, nil
}

func (s *Store) saveAdoption(adoption *Adoption) error {
	content, err := json.MarshalIndent(adoption, "", "  ")
	if err == nil {
		err = writeFile(s.adopted("adoption.json"), append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the record of the adoption: %w", err)
	}
	return nil
}

// beginAdoption notes that an adoption, or its undoing, is on its way. An
// interrupted one goes on.
func (s *Store) beginAdoption(release *Release) (*Adoption, error) {
	adoption, err := s.Adoption()
	if err != nil {
		return nil, err
	}
	if adoption == nil {
		if err := s.forgetSnapshots(); err != nil {
			return nil, err
		}
		adoption = &Adoption{Since: release.Created}
		if first, ok := s.firstRecorded(); ok && first.Before(adoption.Since) {
			adoption.Since = first
		}
		if err := s.keepCompose(); err != nil {
			return nil, err
		}
	}
	adoption.Release, adoption.Version, adoption.Unfinished = release.ID, release.Version, true
	return adoption, s.saveAdoption(adoption)
}

// endAdoption notes that it is done. The snapshots stay, for the way back.
func (s *Store) endAdoption(adoption *Adoption) error {
	adoption.Unfinished, adoption.Gap = false, time.Time{}
	return s.saveAdoption(adoption)
}

// keepSnapshot keeps a container's snapshot. It holds secrets: only its owner
// may read it.
func (s *Store) keepSnapshot(snapshot Snapshot) error {
	content, err := json.Marshal(snapshot)
	if err == nil {
		err = writeSecret(s.adopted("containers", snapshot.Container.Name+".json"), content)
	}
	if err != nil {
		return fmt.Errorf("keep the inspection of %s: %w", snapshot, err)
	}
	return nil
}

// Snapshots gives what was parked, by name.
func (s *Store) Snapshots() ([]Snapshot, error) {
	entries, err := os.ReadDir(s.adopted("containers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list what was parked: %w", err)
	}
	var snapshots []Snapshot
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || !strings.HasSuffix(entry.Name(), ".json") {
			continue // half a file, as a crash leaves it
		}
		var snapshot Snapshot
		content, err := os.ReadFile(s.adopted("containers", entry.Name()))
		if err == nil {
			err = json.Unmarshal(content, &snapshot)
		}
		if err != nil {
			// What is wrong with it may quote a secret.
			return nil, fmt.Errorf("read the inspection in %s: it is damaged or not yours to read", s.adopted("containers", entry.Name()))
		}
		snapshots = append(snapshots, snapshot)
	}
	return snapshots, nil
}

func (s *Store) forgetSnapshots() error {
	if err := os.RemoveAll(s.adopted("containers")); err != nil {
		return fmt.Errorf("forget what was parked: %w", err)
	}
	return nil
}

// keepCompose keeps a Compose file that stands where the rendered one will.
func (s *Store) keepCompose() error {
	content, err := os.ReadFile(s.ComposePath())
	if err == nil {
		err = writeSecret(s.adopted("compose.yml"), content)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep %s: %w", s.ComposePath(), err)
	}
	return nil
}

// forget makes no release serve any more, once all that stood before stands
// again. The removal of the adoption's record is what decides: before it, all
// of this is done again.
func (s *Store) forget() error {
	err := s.putComposeBack()
	if err == nil {
		err = s.unmarkServed()
	}
	if err == nil {
		err = remove(s.path("current"))
	}
	if err == nil {
		// All that runs now is older than this, and so nobody's of ours.
		err = writeFile(s.adopted("returned"), []byte(time.Now().Format(time.RFC3339Nano)+"\n"))
	}
	if err == nil {
		err = remove(s.adopted("adoption.json"))
	}
	if err == nil {
		err = s.forgetSnapshots()
	}
	if err != nil {
		return fmt.Errorf("forget the release: %w", err)
	}
	return nil
}

// putComposeBack puts the Compose file back that stood before, or takes away
// the one that a commit has put in place.
func (s *Store) putComposeBack() error {
	content, err := os.ReadFile(s.adopted("compose.yml"))
	if err == nil {
		if err := writeFile(s.ComposePath(), content); err != nil {
			return err
		}
		return remove(s.adopted("compose.yml"))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	id, err := s.Serving()
	if err != nil || id == "" {
		return err
	}
	return remove(s.ComposePath())
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// firstRecorded is when the first release was made that counts: those from
// before an adoption was undone do not. Containers that are older are not a
// deploy's.
func (s *Store) firstRecorded() (first time.Time, ok bool) {
	ids, err := s.Releases()
	if err != nil {
		return first, false
	}
	content, _ := os.ReadFile(s.adopted("returned")) // nothing was ever undone
	returned, _ := time.Parse(time.RFC3339Nano, string(trimLine(content)))
	slices.Reverse(ids)
	for _, id := range ids {
		release, err := s.Load(id)
		if err != nil || release.Created.Before(returned) {
			continue
		}
		if !ok || release.Created.Before(first) {
			first, ok = release.Created, true
		}
	}
	return first, ok
}
