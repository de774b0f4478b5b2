package image

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// hubName is what references and people call Docker Hub. Its registry answers
// under other names.
const hubName = "docker.io"

// foundLogin is a login that knows where it was found. Errors say that, and
// never what it is.
type foundLogin struct {
	deploy.Login
	// source reads after "the login from"; empty where there is no login.
	source string
}

// Authorization gives the login to go-containerregistry.
func (l foundLogin) Authorization() (*authn.AuthConfig, error) {
	return &authn.AuthConfig{
		Username: l.Username, Password: l.Password,
		IdentityToken: l.IdentityToken, RegistryToken: l.RegistryToken,
	}, nil
}

// Source says where the login was found.
func (l foundLogin) Source() string { return l.source }

// Resolve makes one login a keychain, so that what was found once is not
// looked for again.
func (l foundLogin) Resolve(authn.Resource) (authn.Authenticator, error) {
	return l.authenticator(), nil
}

// authenticator is go-containerregistry's own word for no login, where there
// is none: it looks for that very value.
func (l foundLogin) authenticator() authn.Authenticator {
	if l.Empty() {
		return authn.Anonymous
	}
	return l
}

// login gives the login for a registry or repository; an empty one where there
// is none. A nil keychain is DefaultKeychain.
func login(ctx context.Context, keychain authn.Keychain, resource authn.Resource) (foundLogin, error) {
	if keychain == nil {
		keychain = DefaultKeychain
	}
	authenticator, err := authn.Resolve(ctx, keychain, resource)
	if err != nil {
		return foundLogin{}, loginFailure(resource, err)
	}
	config, err := authn.Authorization(ctx, authenticator)
	if err != nil {
		return foundLogin{}, loginFailure(resource, err)
	}
	found := foundLogin{Login: deploy.Login{
		Username: config.Username, Password: config.Password,
		IdentityToken: config.IdentityToken, RegistryToken: config.RegistryToken,
	}}
	if found.Empty() {
		return found, nil
	}
	found.source = "the keychain that was given"
	if from, ok := authenticator.(interface{ Source() string }); ok {
		found.source = from.Source()
	}
	return found, nil
}

// loginFailure keeps a sentence that names the credential helper as it is.
func loginFailure(resource authn.Resource, err error) error {
	if said, ok := errors.AsType[*Error](err); ok {
		return said
	}
	return fmt.Errorf("read the login for %s: %w", hostOf(resource), err)
}

// hostOf is the registry's host as references write it.
func hostOf(resource authn.Resource) string {
	if host := resource.RegistryStr(); host != name.DefaultRegistry {
		return host
	}
	return hubName
}

// registryOf reads a host as `docker login` takes and stores it, with the
// scheme and the path that Docker Hub's has.
func registryOf(host string) (name.Registry, error) {
	if _, rest, found := strings.Cut(host, "://"); found {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	if host == authprovider.DockerHubRegistryHost {
		host = hubName
	}
	parsed, err := name.NewRegistry(host)
	if err != nil {
		return name.Registry{}, fmt.Errorf("read registry host %q: %w", host, err)
	}
	return parsed, nil
}

// LoginFor gives what looks for the login of one registry host, "ghcr.io", in
// a keychain, for those who pull by other means. An empty login means that
// there is none; public images need none.
func LoginFor(keychain authn.Keychain) func(ctx context.Context, host string) (deploy.Login, error) {
	return func(ctx context.Context, host string) (deploy.Login, error) {
		parsed, err := registryOf(host)
		if err != nil {
			return deploy.Login{}, err
		}
		found, err := login(ctx, keychain, parsed)
		return found.Login, err
	}
}

// handed is a keychain of logins that another machine found.
type handed struct {
	logins   map[string]deploy.Login
	fallback authn.Keychain
}

// Logins is a keychain of logins by registry host, as Collect gives them, for
// the host that they are sent to. A registry that is not among them is looked
// for in the other keychain, DefaultKeychain where that is nil.
func Logins(logins map[string]deploy.Login, fallback authn.Keychain) authn.Keychain {
	byHost := map[string]deploy.Login{}
	for host, one := range logins {
		if parsed, err := registryOf(host); err == nil && !one.Empty() { // no reference has a host that cannot be read
			byHost[parsed.RegistryStr()] = one
		}
	}
	if fallback == nil {
		fallback = DefaultKeychain
	}
	return handed{logins: byHost, fallback: fallback}
}

func (h handed) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	return h.ResolveContext(context.Background(), resource)
}

func (h handed) ResolveContext(ctx context.Context, resource authn.Resource) (authn.Authenticator, error) {
	if one, ok := h.logins[resource.RegistryStr()]; ok {
		return foundLogin{Login: one, source: "the machine that gave the command"}, nil
	}
	return authn.Resolve(ctx, h.fallback, resource)
}

// String keeps the logins out of what prints a keychain.
func (h handed) String() string { return fmt.Sprintf("%d logins (hidden)", len(h.logins)) }

// GoString is String, for %#v.
func (h handed) GoString() string { return h.String() }

// Collect finds the logins that these references need, by registry host, for a
// host that has none of its own. Registries without a login are left out.
func (r *Registries) Collect(ctx context.Context, references []string) (map[string]deploy.Login, error) {
	hosts := map[string]name.Registry{}
	for _, reference := range references {
		parsed, err := parse(reference)
		if err != nil {
			return nil, err
		}
		hosts[hostOf(parsed.Context())] = parsed.Context().Registry
	}
	logins := map[string]deploy.Login{}
	for host, registry := range hosts {
		found, err := login(ctx, r.Keychain, registry)
		if err != nil {
			return nil, err
		}
		if !found.Empty() {
			logins[host] = found.Login
		}
	}
	return logins, nil
}

// engineHeader is the login as the engine's API takes it.
func (l foundLogin) engineHeader(host string) (string, error) {
	return registry.EncodeAuthConfig(registry.AuthConfig{
		Username:      l.Username,
		Password:      l.Password,
		IdentityToken: l.IdentityToken,
		RegistryToken: l.RegistryToken,
		ServerAddress: host,
	})
}

// buildLogins answers BuildKit when it needs a login, for base images, caches
// and what it pushes.
func buildLogins(keychain authn.Keychain) session.Attachable {
	find := LoginFor(keychain)
	return authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: func(ctx context.Context, host string, _ []string, _ authprovider.ExpireCachedAuthCheck) (types.AuthConfig, error) {
			found, err := find(ctx, host)
			if err != nil {
				return types.AuthConfig{}, err
			}
			return types.AuthConfig{
				Username:      found.Username,
				Password:      found.Password,
				IdentityToken: found.IdentityToken,
				RegistryToken: found.RegistryToken,
			}, nil
		},
	})
}
