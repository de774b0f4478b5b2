package deploy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// errDamaged says that a state file is not what was written there: a disk that
// was full, a power cut, an editor.
var errDamaged = errors.New("is damaged")

// lostServing tells a host on which nothing served yet from one whose file that
// names what serves was lost: there the Compose file in place is of a release
// that was committed.
func (s *Store) lostServing() (string, error) {
	id, err := s.inPlace()
	if err != nil || id == "" {
		return "", err
	}
	if _, err := os.Stat(s.release(id, servedMark)); err != nil {
		return "", nil //nolint:nilerr // a first deploy that was killed in its commit
	}
	return id, nil
}

// servingInPlace finds the release that serves where the file that names it is
// damaged: by the Compose file in place, which is a copy of its own.
func (s *Store) servingInPlace() (string, error) {
	id, err := s.inPlace()
	if err != nil || id != "" {
		return id, err
	}
	return "", &Failure{
		Status: ExitNeedsPerson,
		Err:    fmt.Errorf("%s %w, and %s is of no recorded release either: which release serves cannot be known; nothing was touched", s.path("current"), errDamaged, s.ComposePath()),
		Hint: fmt.Sprintf("Write the name of its folder, one of those in %s, into %s. What runs is shown by `docker ps`.",
			s.path("releases"), s.path("current")),
	}
}

// inPlace is the newest recorded release whose Compose file stands in the
// deploy directory; empty for none.
func (s *Store) inPlace() (string, error) {
	content, err := os.ReadFile(s.ComposePath())
	if err != nil {
		return "", nil //nolint:nilerr // no file is no release's
	}
	ids, err := s.Releases()
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if rendered, err := os.ReadFile(s.release(id, "compose.yml")); err == nil && string(rendered) == string(content) {
			return id, nil
		}
	}
	return "", nil
}

// rendered reads a release's Compose file, or its copy in place where it is
// damaged.
func (s *Store) rendered(release *Release) ([]byte, error) {
	path := s.release(release.ID, "compose.yml")
	for _, path := range []string{path, s.ComposePath()} {
		content, err := os.ReadFile(path)
		if err == nil && (release.Sum == "" || sumOf(content) == release.Sum) {
			return content, nil
		}
	}
	return nil, &Failure{
		Status: ExitNeedsPerson,
		Err:    fmt.Errorf("%s %w, and %s is no copy of it; nothing was touched", path, errDamaged, s.ComposePath()),
		Hint:   "If it does not serve, remove its folder, and its version is made anew from the registry: rm -r " + s.release(release.ID),
	}
}

func sumOf(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

// salvage makes a damaged record again from the release's rendered Compose file
// and its identifier. Who asked for it and the fingerprints of .env are lost.
func (s *Store) salvage(id string, damage error) (*Release, error) {
	stamp, version, _ := strings.Cut(id, "-")
	created, err := time.Parse(idTime, stamp)
	rendered, readErr := os.ReadFile(s.release(id, "compose.yml"))
	var model struct {
		Services map[string]struct {
			Image string `yaml:"image"`
		} `yaml:"services"`
	}
	if err := errors.Join(err, readErr, CheckVersion(version), yaml.Unmarshal(rendered, &model)); err != nil || len(model.Services) == 0 {
		return nil, &Failure{
			Status: ExitNeedsPerson,
			Err:    fmt.Errorf("%w, and its Compose file cannot be read either; nothing was touched", damage),
			Hint:   fmt.Sprintf("If it does not serve, remove its folder: rm -r %s", s.release(id)),
		}
	}
	release := &Release{ID: id, Version: version, Images: map[string]Image{}, Created: created, Rendered: rendered, Sum: sumOf(rendered)}
	known := s.references(id)
	for name, service := range model.Services {
		repository, digest, ok := strings.Cut(service.Image, "@")
		if !ok {
			return nil, damage
		}
		image := Image{Reference: repository + ":" + version, Digest: digest}
		if reference, ok := known[service.Image]; ok {
			image.Reference = reference
		}
		release.Images[name] = image
	}
	return release, nil
}

// references are those under which other releases know an image, by the pinned
// one: a database's tag is not the release's version.
func (s *Store) references(besides string) map[string]string {
	known := map[string]string{}
	ids, _ := s.Releases() // without them a reference is made up of the version
	for _, id := range slices.DeleteFunc(ids, func(id string) bool { return id == besides }) {
		release, err := s.record(id)
		if err != nil {
			continue
		}
		for _, image := range release.Images {
			known[image.Pinned()] = image.Reference
		}
	}
	return known
}
