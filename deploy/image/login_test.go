package image

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// canary is a password that must not be seen.
const canary = "c4nary-s3cret"

// dockerConfig writes what `docker login` would have, for this test only.
func dockerConfig(t *testing.T, content string) (file string) {
	t.Helper()
	directory := t.TempDir()
	file = filepath.Join(directory, "config.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", directory)
	t.Setenv("DOCKER_AUTH_CONFIG", "")
	t.Setenv("GITHUB_TOKEN", "")
	t.Setenv("GITHUB_ACTOR", "")
	return file
}

// helper installs a credential helper that runs this shell script.
func helper(t *testing.T, name, script string) {
	t.Helper()
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, helperCommand+name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", directory+":"+os.Getenv("PATH"))
}

func stored(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

func TestDefaultKeychain(t *testing.T) {
	file := dockerConfig(t, fmt.Sprintf(`{
		"auths": {
			"registry.example": {"auth": %q},
			"https://index.docker.io/v1/": {"auth": %q}
		},
		"credHelpers": {"helped.example": "test", "none.example": "test", "token.example": "test"}
	}`, stored("anna", canary), stored("hub", canary)))
	helper(t, "test", `read host
case $host in
helped.example) echo '{"ServerURL": "helped.example", "Username": "berta", "Secret": "`+canary+`"}';;
token.example) echo '{"ServerURL": "token.example", "Username": "<token>", "Secret": "`+canary+`"}';;
*) echo "credentials not found in native keychain"; exit 1;;
esac`)
	find := LoginFor(nil)
	for host, want := range map[string]deploy.Login{
		"registry.example":            {Username: "anna", Password: canary},
		"docker.io":                   {Username: "hub", Password: canary},
		"index.docker.io":             {Username: "hub", Password: canary},
		"registry-1.docker.io":        {Username: "hub", Password: canary},
		"https://index.docker.io/v1/": {Username: "hub", Password: canary},
		"helped.example":              {Username: "berta", Password: canary},
		"token.example":               {IdentityToken: canary},
		"none.example":                {},
		"ghcr.io":                     {},
	} {
		got, err := find(t.Context(), host)
		if err != nil || got.Username != want.Username && want.Username != "" || got.Password != want.Password || got.IdentityToken != want.IdentityToken {
			t.Errorf("%s: a login by %q, %v, want %q", host, got.Username, err, want.Username)
		}
	}
	t.Setenv("GITHUB_TOKEN", canary)
	for actor, want := range map[string]string{"": "token", "clara": "clara"} {
		t.Setenv("GITHUB_ACTOR", actor)
		if got, err := find(t.Context(), "ghcr.io"); err != nil || got.Username != want || got.Password != canary {
			t.Errorf("GITHUB_ACTOR=%q: a login by %q, %v", actor, got.Username, err)
		}
	}
	if got, err := find(t.Context(), "registry2.example"); err != nil || !got.Empty() {
		t.Errorf("the token is sent to another registry: %v", err)
	}
	for host, want := range map[string]string{
		"registry.example": file, "helped.example": helperCommand + "test (named in " + file + ")", "ghcr.io": "the variable GITHUB_TOKEN",
	} {
		parsed, err := registryOf(host)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := login(t.Context(), nil, parsed); err != nil || found.source != want {
			t.Errorf("%s: the login is from %q, %v, want %q", host, found.source, err, want)
		}
	}
}

func TestCredentialHelpersThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		config, script string
		want           []string
	}{
		"missing": {
			`{"credsStore": "gone"}`, "",
			[]string{"docker-credential-gone", "credsStore", "is not installed", "docker login registry.example"},
		},
		"missing for one registry": {
			`{"credHelpers": {"registry.example": "gone"}}`, "",
			[]string{"docker-credential-gone", "credHelpers", "is not installed"},
		},
		"failing": {
			`{"credsStore": "test"}`, "echo " + canary + "; echo " + canary + " >&2; exit 1",
			[]string{"docker-credential-test", "failed", "docker-credential-test list"},
		},
		"babbling": {
			`{"credsStore": "test"}`, `echo '{"Secret": "` + canary + `",'`,
			[]string{"docker-credential-test", "failed"},
		},
		"damaged entry": {
			`{"auths": {"registry.example": {"auth": "` + stored("anna", canary) + `!"}}}`, "",
			[]string{"read the login for registry.example", "docker login registry.example"},
		},
		"damaged file": {`{"auths": {`, "", []string{"config.json", "docker login registry.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := dockerConfig(t, test.config)
			if test.script != "" {
				helper(t, "test", test.script)
			}
			// Every way to a registry says it, rather than go on without.
			registries := &Registries{}
			reference := "registry.example/shop/backend:v1"
			_, found := LoginFor(nil)(t.Context(), "registry.example")
			_, resolved := registries.Resolve(t.Context(), reference)
			_, collected := registries.Collect(t.Context(), []string{reference})
			_, pushed := (&Publisher{}).Push(t.Context(), reference, nil)
			for _, err := range []error{found, resolved, collected, pushed} {
				if err == nil {
					t.Fatal("it went on without a login")
				}
				for _, want := range append(test.want, file) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("got %q, want %q", err, want)
					}
				}
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
					t.Error("the password is shown")
				}
			}
		})
	}
}

func TestLoginsTravel(t *testing.T) {
	dockerConfig(t, fmt.Sprintf(`{"auths": {"registry.example": {"auth": %q}, "https://index.docker.io/v1/": {"auth": %q}}}`,
		stored("anna", canary), stored("hub", canary)))
	logins, err := (&Registries{}).Collect(t.Context(), []string{
		"registry.example/shop/backend:v1", "registry.example/shop/frontend:v1", "postgres:17", "public.example/x:1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if hosts := slices.Sorted(maps.Keys(logins)); !slices.Equal(hosts, []string{"docker.io", "registry.example"}) {
		t.Fatalf("collected %v", hosts)
	}

	dockerConfig(t, fmt.Sprintf(`{"auths": {"own.example": {"auth": %q}, "registry.example": {"auth": %q}}}`,
		stored("host", canary), stored("host", canary)))
	keychain := Logins(logins, nil)
	find := LoginFor(keychain)
	for host, want := range map[string]string{"registry.example": "anna", "docker.io": "hub", "own.example": "host", "public.example": ""} {
		if got, err := find(t.Context(), host); err != nil || got.Username != want {
			t.Errorf("%s: a login by %q, %v, want %q", host, got.Username, err, want)
		}
	}
	if got, err := LoginFor(Logins(logins, foundLogin{}))(t.Context(), "own.example"); err != nil || !got.Empty() {
		t.Errorf("the other keychain is not the one that was given: %v", err)
	}
	registry, err := registryOf("registry.example")
	if err != nil {
		t.Fatal(err)
	}
	found, err := login(t.Context(), keychain, registry)
	if err != nil || found.source != "the machine that gave the command" {
		t.Errorf("from %q, %v", found.source, err)
	}
	for _, shown := range []any{keychain, found, &found, logins, map[string]any{"k": keychain}} {
		if text := fmt.Sprintf("%v %+v %#v %s", shown, shown, shown, shown); strings.Contains(text, canary) {
			t.Errorf("a %T shows the password", shown)
		}
	}
}

// A registry may repeat whatever it was sent.
func TestErrorsHideWhatRegistriesRepeat(t *testing.T) {
	for status := range map[int]bool{400: true, 401: true, 403: true, 404: true, 500: true} {
		host := misbehaving(t, func(w http.ResponseWriter, r *http.Request) bool {
			_, password, sent := r.BasicAuth()
			if r.URL.Path == "/v2/" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			if !sent {
				t.Error("no login was sent")
			}
			refuse(w, status, "DENIED", password+" "+r.Header.Get("Authorization"))
			return true
		})
		keychain := fixedLogin{"anna", canary}
		registries := &Registries{Keychain: keychain, backoff: fast}
		image := deploy.Image{Reference: host + "/shop/backend:v1", Digest: "sha256:" + strings.Repeat("0", 64)}
		_, resolved := registries.Resolve(t.Context(), image.Reference)
		_, listed := registries.ListTags(t.Context(), host+"/shop/backend")
		_, _, read := registries.InputsOf(t.Context(), image.Reference)
		_, layers := registries.Layers(t.Context(), image, "")
		publisher := (&engine{answers: []string{pushedAnswer}}).publisher(t)
		publisher.Keychain, publisher.backoff = keychain, fast
		_, published := publisher.Publish(t.Context(), image.Reference, nil, PublishOptions{})
		for _, err := range []error{
			resolved, listed, read, layers, published, registries.Tag(t.Context(), image, "x"), publisher.Check(t.Context(), image.Reference),
		} {
			if err == nil {
				t.Fatalf("%d is no error", status)
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			if strings.Contains(text, canary) || strings.Contains(text, stored("anna", canary)) {
				t.Errorf("%d: the password is shown: %v", status, err)
			}
		}
	}
}
