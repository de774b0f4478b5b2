package image

import (
	"context"
	"fmt"

	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
)

// DefaultKeychain finds the login for a registry where `docker login` put it,
// in the configuration file or the credential helper that it names, and for
// ghcr.io otherwise in GITHUB_TOKEN.
var DefaultKeychain = authn.NewMultiKeychain(authn.DefaultKeychain, github.Keychain)

// login gives the login for a registry or repository; empty where there is
// none.
func login(ctx context.Context, keychain authn.Keychain, resource authn.Resource) (*authn.AuthConfig, error) {
	if keychain == nil {
		keychain = DefaultKeychain
	}
	authenticator, err := authn.Resolve(ctx, keychain, resource)
	if err != nil {
		return nil, fmt.Errorf("read the login for %s: %w", resource.RegistryStr(), err)
	}
	config, err := authn.Authorization(ctx, authenticator)
	if err != nil {
		return nil, fmt.Errorf("read the login for %s: %w", resource.RegistryStr(), err)
	}
	return config, nil
}

// engineLogin is the login as the engine's API takes it, in a header.
func engineLogin(ctx context.Context, keychain authn.Keychain, repository name.Repository) (string, error) {
	config, err := login(ctx, keychain, repository)
	if err != nil {
		return "", err
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{
		Username:      config.Username,
		Password:      config.Password,
		IdentityToken: config.IdentityToken,
		RegistryToken: config.RegistryToken,
		ServerAddress: repository.RegistryStr(),
	})
}

// buildLogins answers BuildKit when it needs a login for a base image.
func buildLogins(keychain authn.Keychain) session.Attachable {
	return authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: func(ctx context.Context, host string, _ []string, _ authprovider.ExpireCachedAuthCheck) (types.AuthConfig, error) {
			if host == authprovider.DockerHubRegistryHost {
				host = name.DefaultRegistry
			}
			registry, err := name.NewRegistry(host)
			if err != nil {
				return types.AuthConfig{}, err
			}
			config, err := login(ctx, keychain, registry)
			if err != nil {
				return types.AuthConfig{}, err
			}
			return types.AuthConfig{
				Username:      config.Username,
				Password:      config.Password,
				IdentityToken: config.IdentityToken,
				RegistryToken: config.RegistryToken,
			}, nil
		},
	})
}
