package remote

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestParseHost(t *testing.T) {
	for text, want := range map[string]Address{
		"shop":                             {Host: "shop"},
		"deploy@shop.example":              {User: "deploy", Host: "shop.example"},
		"deploy@shop.example:2222":         {User: "deploy", Host: "shop.example", Port: 2222},
		"ssh://deploy@shop.example:2222":   {User: "deploy", Host: "shop.example", Port: 2222},
		"ssh://shop.example/":              {Host: "shop.example"},
		"deploy@[2001:db8::1]":             {User: "deploy", Host: "2001:db8::1"},
		"ssh://deploy@[2001:db8::1]:22":    {User: "deploy", Host: "2001:db8::1", Port: 22},
		"first.last@example.com@127.0.0.1": {User: "first.last@example.com", Host: "127.0.0.1"},
	} {
		got, err := ParseHost(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", text, got, err, want)
		}
		again, err := ParseHost(got.String())
		if err != nil || again != got {
			t.Errorf("%s written again as %s: %+v %v", text, got, again, err)
		}
	}
}

func TestParseHostSaysWhatIsAllowed(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "there is no host",
		"deploy@":                        "there is no host",
		"@shop":                          "no user before the @",
		"https://shop.example":           "https:// is not how",
		"shop.example:0":                 "port \"0\"",
		"shop.example:65536":             "port \"65536\"",
		"shop.example:ssh":               "port \"ssh\"",
		"shop.example:":                  "port \"\"",
		"2001:db8::1":                    "in brackets",
		"[2001:db8::1":                   "not closed",
		"[::1]x":                         "\"x\" follows",
		"deploy@shop.example/opt/shop":   "a path is not allowed",
		"-oProxyCommand=reboot":          "characters",
		"a b":                            "characters",
		"$(reboot)@shop":                 "characters",
		"ssh://deploy:hunter2@shop:2222": "a password is not allowed",
		"deploy:hunter2@shop":            "a password is not allowed",
	} {
		_, err := ParseHost(text)
		wantText(t, err, want, "allowed are deploy@shop.example")
		failure, is := errors.AsType[*deploy.Failure](err)
		if !is || failure.Status != deploy.ExitUsage {
			t.Errorf("%q: %#v", text, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the password is repeated: %v", text, err)
		}
	}
}

// FuzzQuote has a real shell read what was quoted.
func FuzzQuote(f *testing.F) {
	for _, one := range []string{"", "a", "it's", "a b", "$HOME `id` $(id)", "\n\t", "-n", "\\", "*?[a]", "~", "a;b|c&d", "'''", "é", "\xff", "=x"} {
		f.Add(one, "b c")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		out, err := exec.Command("sh", "-c", "printf '%s\\0' "+Quote(first, second)).Output()
		want := strings.ReplaceAll(first, "\x00", "") + "\x00" + strings.ReplaceAll(second, "\x00", "") + "\x00"
		if err != nil || string(out) != want {
			t.Errorf("%q %q came as %q (%v) from %s", first, second, out, err, Quote(first, second))
		}
	})
}
