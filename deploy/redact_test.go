package deploy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestRedactor(t *testing.T) {
	redactor := deploy.NewRedactor(
		map[string]string{"POSTGRES_PASSWORD": `p"ss/wörd 1`, "SECRET_KEY": "abc", "API_TOKEN": "true", "REGISTRY": "ghcr.io/shop", "DEBUG_KEY": "1"},
		map[string]string{"DATABASE": "postgres://webshop:in%2Furl-99@postgres:5432/webshop"},
	)
	quoted, _ := json.Marshal(`p"ss/wörd 1`)
	for _, test := range []struct{ text, gone, stays string }{
		{`connect with p"ss/wörd 1 now`, `wörd`, "$POSTGRES_PASSWORD"},
		{`{"env": ` + string(quoted) + `}`, `wörd`, "$POSTGRES_PASSWORD"},
		{"https://x/?password=p%22ss%2Fw%C3%B6rd+1", "p%22ss", "$POSTGRES_PASSWORD"},
		{"key abc, and abcdef", "key abc,", "abcdef"},
		{"it is true that 1 and 2", "never there", "it is true that 1 and 2"},
		{"psql postgres://webshop:in%2Furl-99@postgres:5432/webshop", "url-99", "$DATABASE"},
		{"decoded in/url-99 in a log", "url-99", "$DATABASE"},
		{"redis://:unknown-to-env@redis:6379/0", "unknown-to-env", "redis:6379"},
		{"GET / Authorization: Bearer eyJhbGciOi.J9.x", "eyJhbGciOi", "Authorization"},
		{`login failed: password="hunter22"`, "hunter22", "login failed"},
		{"--api-key=sk_live_123456 --verbose", "sk_live", "--verbose"},
		{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "MIIE", "after"},
		{"POSTGRES_PASSWORD=$POSTGRES_PASSWORD", "(hidden)", "$POSTGRES_PASSWORD"},
		{"ghcr.io/shop/backend:v1", "$REGISTRY", "ghcr.io/shop/backend:v1"},
	} {
		got := redactor.Redact(test.text)
		if strings.Contains(got, test.gone) || !strings.Contains(got, test.stays) {
			t.Errorf("%q became %q", test.text, got)
		}
	}
}
