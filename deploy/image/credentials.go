package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// DefaultKeychain finds the login for a registry where `docker login` put it,
// in the configuration file or the credential helper that it names, and for
// ghcr.io otherwise in GITHUB_TOKEN. A helper that does not work is an *Error
// that names it: without, a private image would seem not to exist.
var DefaultKeychain authn.Keychain = dockerLogins{}

// helperTimeout is how long a credential helper may take. Some ask a person
// for a passphrase.
const helperTimeout = time.Minute

// helperCommand begins the names of credential helpers.
const helperCommand = "docker-credential-"

type dockerLogins struct{}

func (d dockerLogins) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	return d.ResolveContext(context.Background(), resource)
}

func (dockerLogins) ResolveContext(ctx context.Context, resource authn.Resource) (authn.Authenticator, error) {
	host, key := hostOf(resource), resource.RegistryStr()
	if key == name.DefaultRegistry {
		key = authn.DefaultAuthKey
	}
	file, err := config.Load(os.Getenv("DOCKER_CONFIG"))
	if err != nil {
		return nil, &Error{
			Action: "read the login for", Subject: host, Err: err,
			Hint: "correct the file, or move it away and log in again: docker login " + host,
		}
	}
	saved, err := storedIn(ctx, file, key)
	if err != nil {
		return nil, storeFailure(host, key, file, err)
	}
	found := foundLogin{Login: deploy.Login{
		Username: saved.Username, Password: saved.Password,
		IdentityToken: saved.IdentityToken, RegistryToken: saved.RegistryToken,
	}, source: sourceIn(file, key)}
	if !found.Empty() {
		return found, nil
	}
	if token := os.Getenv("GITHUB_TOKEN"); host == "ghcr.io" && token != "" {
		return foundLogin{Login: deploy.Login{
			Username: cmp.Or(os.Getenv("GITHUB_ACTOR"), "token"), Password: token,
		}, source: "the variable GITHUB_TOKEN"}, nil
	}
	return authn.Anonymous, nil
}

// storedIn asks the file or its credential helper. A helper that does not
// answer in time is left to itself: its library takes no context.
func storedIn(ctx context.Context, file *configfile.ConfigFile, key string) (types.AuthConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	type result struct {
		saved types.AuthConfig
		err   error
	}
	results := make(chan result, 1)
	go func() {
		saved, err := file.GetAuthConfig(key)
		results <- result{saved, err}
	}()
	select {
	case got := <-results:
		return got.saved, got.err
	case <-ctx.Done():
		return types.AuthConfig{}, ctx.Err()
	}
}

// helperOf is the credential helper that the file names for a registry, and
// the entry that names it.
func helperOf(file *configfile.ConfigFile, key string) (helper, entry string) {
	if one, named := file.CredentialHelpers[key]; named {
		return one, "credHelpers"
	}
	return file.CredentialsStore, "credsStore"
}

func sourceIn(file *configfile.ConfigFile, key string) string {
	if os.Getenv(configfile.DockerEnvConfigKey) != "" {
		return configfile.DockerEnvConfigKey + " or " + file.Filename // the library does not say which
	}
	if helper, _ := helperOf(file, key); helper != "" {
		return fmt.Sprintf("%s%s (named in %s)", helperCommand, helper, file.Filename)
	}
	return file.Filename
}

// storeFailure names the helper and the file. What the helper printed is left
// out: nobody promises that a password is not in it.
func storeFailure(host, key string, file *configfile.ConfigFile, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("read the login for %s: %w", host, err)
	}
	failure := &Error{Action: "read the login for", Subject: host}
	helper, entry := helperOf(file, key)
	if helper == "" {
		failure.Reason = "the entry in " + file.Filename + " cannot be read"
		failure.Hint = "log in again: docker login " + host
		return failure
	}
	command := helperCommand + helper
	named := fmt.Sprintf("the credential helper %s, which %s in %s names,", command, entry, file.Filename)
	if _, missing := exec.LookPath(command); missing != nil {
		failure.Reason = named + " is not installed"
		failure.Hint = fmt.Sprintf("install it, or remove %s from the file and log in again: docker login %s", entry, host)
		return failure
	}
	failure.Reason = named + " failed"
	if errors.Is(err, context.DeadlineExceeded) {
		failure.Reason = fmt.Sprintf("%s did not answer within %s", named, helperTimeout)
	}
	failure.Hint = fmt.Sprintf("see what it says: %s list; or remove %s from the file and log in again: docker login %s", command, entry, host)
	return failure
}
