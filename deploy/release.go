package deploy

import (
	"fmt"
	"strings"
	"time"
)

// Image is one container image, pinned. A tag may move; a digest cannot, so
// what was tested is what runs and what a rollback returns to.
type Image struct {
	// Reference is what the Compose file says, interpolated:
	// "registry.example/shop/backend:v1.15.0".
	Reference string `json:"reference"`
	// Digest is the manifest's digest in the registry: "sha256:…".
	Digest string `json:"digest"`
}

// Pinned is the reference by digest, as the rendered Compose file names it:
// "registry.example/shop/backend@sha256:…".
func (i Image) Pinned() string {
	return Repository(i.Reference) + "@" + i.Digest
}

// Release is one version of the application as it runs or is to run: the
// rendered Compose file and what is known about it. A release is never
// changed after it was made, but for its migrations, which its image tells once
// it is looked at; its record is what a rollback reads.
type Release struct {
	// ID names the release's folder; it sorts by time: "20260921T081502Z-v1.15.0".
	ID string `json:"id"`
	// Version is what people type: "v1.15.0", "sha-4f0c2d1".
	Version string `json:"version"`
	// Images holds the pinned image of each service.
	Images map[string]Image `json:"images"`
	// Created is when the release was made from its version.
	Created time.Time `json:"created"`
	// By says who asked for it: "anna@laptop".
	By string `json:"by,omitempty"`
	// Background says what it was made of; nil where nobody said.
	Background *Background `json:"background,omitempty"`
	// Variables are fingerprints of the host's .env when the release was made.
	Variables map[string]string `json:"variables,omitempty"`
	// Migrations are all that its image contains; nil where that is not known.
	Migrations []MigrationID `json:"migrations,omitempty"`
	// Sum is the SHA-256 of the rendered Compose file as it was recorded.
	Sum string `json:"sum,omitempty"`
	// Environment is the release's own configuration, decoded from its
	// rendered Compose file.
	Environment *Environment `json:"-"`
	// Rendered is the Compose file with a digest in each image.
	Rendered []byte `json:"-"`
}

// String names the release for people.
func (r *Release) String() string {
	if r == nil {
		return "no release"
	}
	return r.Version
}

// Service gives the release's service of that name.
func (r *Release) Service(name string) (*Service, bool) {
	if r == nil || r.Environment == nil {
		return nil, false
	}
	for _, service := range r.Environment.Services {
		if service.Name == name {
			return service, true
		}
	}
	return nil, false
}

// Replicas gives those of the containers that run the release's service, by
// number. Those of another release, warm or leaving, are none of them.
func (r *Release) Replicas(service string, containers []Container) []Container {
	wanted, ok := r.Service(service)
	if !ok {
		return nil
	}
	var found []Container
	for _, container := range (State{Containers: containers}).Of(service) {
		if container.ConfigHash == wanted.Hash && container.Running() && !container.Stopping {
			found = append(found, container)
		}
	}
	return found
}

// idTime is the form of the time in a release's identifier, which sorts.
const idTime = "20060102T150405Z"

// NewReleaseID makes the identifier of a release made at that time.
func NewReleaseID(at time.Time, version string) string {
	return fmt.Sprintf("%s-%s", at.UTC().Format(idTime), version)
}

// nextID makes an identifier that sorts behind all others, also where the clock
// was set back since the newest of them was made.
func (s *Store) nextID(at time.Time, version string) (string, error) {
	ids, err := s.Releases()
	if err != nil || len(ids) == 0 {
		return NewReleaseID(at, version), err
	}
	stamp, _, _ := strings.Cut(ids[0], "-")
	newest, err := time.Parse(idTime, stamp)
	if err == nil && !at.Truncate(time.Second).After(newest) {
		at = newest.Add(time.Second)
	}
	return NewReleaseID(at, version), nil //nolint:nilerr // a folder that is no release's does not count
}
