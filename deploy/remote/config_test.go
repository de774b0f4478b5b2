package remote

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// resolved reads a host by a configuration.
func resolved(t *testing.T, config, host string, env map[string]string) *target {
	t.Helper()
	h := newHome(t)
	h.write("config", config)
	found, err := resolve(Options{Home: h.path, Env: func(name string) string { return env[name] }}, host)
	if err != nil {
		t.Fatal(err)
	}
	// The folder is another each time.
	for i, file := range found.identities {
		found.identities[i] = strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(h.path)+"/.ssh/")
	}
	return found
}

func TestConfigOfAnAlias(t *testing.T) {
	found := resolved(t, `
# the shop
Host shop "second name"
	HostName = %h.example
	User deploy
	Port 2222
	IdentityFile ~/.ssh/shop-%r@%h
	IdentityFile "other key"
	IdentitiesOnly yes
	IdentityAgent none
	ProxyJump one,user@two:23
	HostKeyAlias the-shop
	ConnectTimeout 7
Host *
	User nobody
	Port 1
	IdentityFile last
`, "shop", map[string]string{"SSH_AUTH_SOCK": "/agent"})
	if found.address() != "shop.example:2222" || found.user != "deploy" || found.timeout != 7*time.Second {
		t.Errorf("%+v", found)
	}
	if want := []string{"shop-deploy@shop.example", "other key", "last"}; !slices.Equal(found.identities, want) {
		t.Errorf("identities %q, want %q", found.identities, want)
	}
	if !found.identitiesOnly || found.agent != "" || found.knownAs != "the-shop" || found.knownPort != 22 {
		t.Errorf("%+v", found)
	}
	if want := []string{"one", "user@two:23"}; !slices.Equal(found.jumps, want) {
		t.Errorf("jumps %q", found.jumps)
	}
}

func TestConfigWithoutEntries(t *testing.T) {
	for _, config := range []string{"", "\n", "Host other\n  Port 3\n  User x\n  ProxyJump y"} {
		found := resolved(t, config, "deploy@Shop.Example", map[string]string{"SSH_AUTH_SOCK": "/agent"})
		if found.address() != "Shop.Example:22" || found.user != "deploy" || found.timeout != connectTimeout || found.agent != "/agent" {
			t.Errorf("%+v", found)
		}
		if want := []string{"id_ed25519", "id_ecdsa", "id_rsa"}; !slices.Equal(found.identities, want) || found.chosen {
			t.Errorf("identities %q", found.identities)
		}
		if found.knownAs != "shop.example" || len(found.jumps) != 0 {
			t.Errorf("%+v", found)
		}
	}
}

func TestWhatIsWrittenCountsBeforeTheConfig(t *testing.T) {
	found := resolved(t, "Host shop\n  User x\n  Port 3\n", "ssh://deploy@shop:4", nil)
	if found.address() != "shop:4" || found.user != "deploy" {
		t.Errorf("%+v", found)
	}
}

func TestConfigLinesThatTheLibraryReadsOtherwise(t *testing.T) {
	for name, config := range map[string]string{
		"tabs between patterns":  "Host\ta\tshop\tb\n\tPort\t2222\n",
		"Windows' line ends":     "Host shop\r\n  Port 2222\r\n",
		"no last line end":       "Host shop\n  Port 2222",
		"quoted pattern":         "Host \"shop\"\n  Port 2222\n",
		"other case":             "HOST shop\n  PORT 2222\n",
		"equals sign":            "Host=shop\nPort=2222\n",
		"comment":                "Host a shop # mine\n  Port 2222 # there\n",
		"Match all":              "Match all\n  Port 2222\n",
		"Match host":             "Match host a,shop\n  Port 2222\n",
		"Match originalhost":     "Match originalhost sh*\n  Port 2222\n",
		"Match exec passed over": "Match exec \"touch /tmp/never\"\n  Port 1\nHost shop\n  Port 2222\n",
		"Match host and exec":    "Match host shop exec false\n  Port 1\nHost shop\n  Port 2222\n",
		"Match user passed over": "Match user x\n  Port 1\nMatch final all\n  Port 1\nHost shop\n  Port 2222\n",
		"negated":                "Host * !shop\n  Port 1\nHost shop\n  Port 2222\n",
		"before the first host":  "Port 2222\nHost shop\n  Port 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			if found := resolved(t, config, "shop", nil); found.port != 2222 {
				t.Errorf("port %d", found.port)
			}
		})
	}
}

func TestConfigThatIsPassedOverIsNamedInFailures(t *testing.T) {
	found := resolved(t, "Host shop\nMatch exec \"false\"\n  Port 1\n", "shop", nil)
	wantText(t, found.failure(nil, "do this", "no"), "do this", "config:2: Match exec \"false\" (commands of a configuration are not run)")
}

func TestConfigIncludes(t *testing.T) {
	h := newHome(t)
	h.write("config", "Include conf-*\nHost shop\n  Include \"~/.ssh/in shop\"\nHost other\n  Include loop\n")
	h.write("conf-b", "Host shop\n  User second\n")
	h.write("conf-a", "Host shop\n  User first\nMatch exec true\n  User third\n")
	h.write("in shop", "Port 2222\n")
	h.write("loop", "Include loop\n")
	options := Options{Home: h.path, Env: noEnv}
	found, err := resolve(options, "shop")
	if err != nil || found.user != "first" || found.port != 2222 {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := resolve(options, "third"); err != nil || found.port != 22 {
		t.Errorf("a file included for one host counts for another: %+v, %v", found, err)
	}
	_, err = resolve(options, "other")
	wantText(t, err, "read the ssh configuration", "include each other")
}

func TestConfigMistakes(t *testing.T) {
	for config, want := range map[string]string{
		"Host shop\n Port ssh\n":                    "Port \"ssh\"",
		"Host shop\n Port 70000\n":                  "Port \"70000\"",
		"Host shop\n ConnectTimeout soon\n":         "ConnectTimeout \"soon\"",
		"Host shop\n ProxyCommand nc -X 5 %h %p":    "a ProxyCommand is not run",
		"Host shop\n  Include [\n":                  "include",
		"Host shop\n  ProxyCommand none\n Port -1 ": "Port \"-1\"",
	} {
		h := newHome(t)
		h.write("config", config)
		_, err := resolve(Options{Home: h.path, Env: noEnv}, "shop")
		wantText(t, err, want)
	}
}

func TestAgentOfTheConfig(t *testing.T) {
	env := map[string]string{"SSH_AUTH_SOCK": "/agent", "OTHER": "/other", "XDG_RUNTIME_DIR": "/run/user/1"}
	for value, want := range map[string]string{
		"none": "", "SSH_AUTH_SOCK": "/agent", "$OTHER": "/other", "${XDG_RUNTIME_DIR}/agent": "/run/user/1/agent", "/tmp/%%x": "/tmp/%x",
		agentPipe: agentPipe,
	} {
		if found := resolved(t, "IdentityAgent "+value+"\n", "shop", env); found.agent != want {
			t.Errorf("%s: %q, want %q", value, found.agent, want)
		}
	}
}

// FuzzConfig looks for text that ends the program.
func FuzzConfig(f *testing.F) {
	for _, one := range []string{"Host", "Host\n", "=", "Match", "Match =\n", "Include", "Host !\n", "\"", "Host a\nPort", "\x00", "A\rB", "Host \xff\n"} {
		f.Add(one)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &settings{values: map[string][]string{}, environment: noEnv}
		config, err := decode(s.prepare("config", text))
		if err == nil && config == nil {
			t.Error("neither a configuration nor an error")
		}
	})
}
