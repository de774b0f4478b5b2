package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
)

// signIn is a keychain that learns: what a person answered once is known for
// the rest of the command, and nowhere else.
type signIn struct {
	keychain authn.Keychain
	ask      func(registry string) (deploy.Login, error)

	// asking is held while a person is asked, one question at a time.
	asking sync.Mutex
	mu     sync.Mutex
	given  map[string]deploy.Login
}

// Resolve is ResolveContext for those who have no context.
func (s *signIn) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	return s.ResolveContext(context.Background(), resource)
}

// ResolveContext gives what a person answered, else what the keychain has.
func (s *signIn) ResolveContext(ctx context.Context, resource authn.Resource) (authn.Authenticator, error) {
	s.mu.Lock()
	given := maps.Clone(s.given)
	s.mu.Unlock()
	return authn.Resolve(ctx, image.Logins(given, s.keychain), resource)
}

// learn asks for a registry's login, unless that was answered while this one
// waited. It says whether there is a login now that was not there before.
func (s *signIn) learn(registry string) bool {
	s.mu.Lock()
	before := s.given[registry]
	s.mu.Unlock()
	if s.ask == nil || !before.Empty() {
		return false
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	s.mu.Lock()
	answered := !s.given[registry].Empty()
	s.mu.Unlock()
	if answered {
		return true
	}
	login, err := s.ask(registry)
	if err != nil || login.Empty() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.given == nil {
		s.given = map[string]deploy.Login{}
	}
	s.given[registry] = login
	return true
}

// resolve asks the registry for an image's digest. Where that wants a login, a
// person is asked for it; where it does not answer, or nobody can sign in, the
// engine knows under which digest it got an image of that version.
func (s *Session) resolve(ctx context.Context, reference string) (deploy.Image, error) {
	found, err := s.Images.Resolve(ctx, reference)
	if errors.Is(err, image.ErrUnauthorized) && s.signIn.learn(image.RegistryOf(reference)) {
		found, err = s.Images.Resolve(ctx, reference)
	}
	if !errors.Is(err, image.ErrUnreachable) && !errors.Is(err, image.ErrUnauthorized) {
		return found, err
	}
	local, localErr := s.Images.ResolveLocal(ctx, reference)
	if localErr != nil {
		return found, err
	}
	if errors.Is(err, image.ErrUnauthorized) {
		s.record(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: fmt.Sprintf(
			"%s wants a login; taking %s as this host got it", image.RegistryOf(reference), reference)})
	}
	return local, nil
}
