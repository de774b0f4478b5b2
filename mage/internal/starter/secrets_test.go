package starter

import (
	"strings"
	"testing"
)

func TestSecrets(t *testing.T) {
	for _, test := range []struct{ key, value, wanted string }{
		{"POSTGRES_PASSWORD", "s3cret", "${POSTGRES_PASSWORD}"},
		{"POSTGRES_PASSWORD", "${POSTGRES_PASSWORD}", "${POSTGRES_PASSWORD}"},
		{"POSTGRES_PASSWORD", "${PW:-s3cret}", "${PW}"},
		{"POSTGRES_PASSWORD", "${PW:-}", "${PW:-}"},
		{"POSTGRES_PASSWORD", "${PW:?set it}", "${PW:?set it}"},
		{"POSTGRES_PASSWORD_FILE", "/run/secrets/pw", "/run/secrets/pw"},
		{"MYSQL_ALLOW_EMPTY_PASSWORD", "yes", "yes"},
		{"TOKEN_TTL", "3600", "3600"},
		{"NEXT_PUBLIC_API_KEY", "pk_1", "pk_1"},
		{"spring.datasource.password", "s3cret-2", "${spring_datasource_password}"},
		{"DATABASE_URL", "postgres://app:other@db/app", "${DATABASE_URL}"},
		{"DATABASE_URL", "postgres://app:${PW}@db/app", "postgres://app:${PW}@db/app"},
		{"DATABASE_URL", "postgres://app:${DB_PASSWORD:-s3cret}@db/app", "postgres://app:${DB_PASSWORD}@db/app"},
		{"DATABASE_URL", "postgres://db:5432/app", "postgres://db:5432/app"},
		{"REDIS_URL", "redis://:s3cret@redis", "redis://:${POSTGRES_PASSWORD}@redis"},
		{"DSN", "host=db user=app password=s3cret", "host=db user=app password=${POSTGRES_PASSWORD}"},
		{"AWS_SECRET_ACCESS_KEY", "abc", "${AWS_SECRET_ACCESS_KEY}"},
		{"REDIS_ARGS", "--requirepass s3cret-3", "${REDIS_ARGS}"},
		{"STRIPE_KEY", "sk_1", "${STRIPE_KEY}"},
		{"ALERTS_URL", "https://discord.com/api/webhooks/1/s3cret", "${ALERTS_URL}"},
		{"FEED", "https://api.example/feed?token=s3cret-4", "${FEED}"},
		{"WEBHOOK_URL", "https://n8n.example/", "https://n8n.example/"},
		{"LOG_LEVEL", "info", "info"},
	} {
		secrets := newSecrets()
		secrets.replace("db", "POSTGRES_PASSWORD", "s3cret")
		if got, _ := secrets.replace("web", test.key, test.value); got != test.wanted {
			t.Errorf("%s: %s is %s, not %s", test.key, test.value, got, test.wanted)
		}
	}
}

// One name for two values would give one service the other's.
func TestSecretsOfOneName(t *testing.T) {
	secrets := newSecrets()
	first, _ := secrets.replace("web", "SECRET_KEY", "one")
	again, _ := secrets.replace("worker", "SECRET_KEY", "one")
	other, _ := secrets.replace("admin-site", "SECRET_KEY", "two")
	if first != "${SECRET_KEY}" || again != first || other != "${ADMIN_SITE_SECRET_KEY}" {
		t.Errorf("%s, %s, %s", first, again, other)
	}
}

// What extends does not bring along is written again, and without its secrets.
func TestSecretsOfWhatIsCopied(t *testing.T) {
	root := folder(t, one(`    volumes: ["share:/share"]
    configs: [app]
    networks: [back]
volumes:
  share: {driver_opts: {type: cifs, o: "username=app,password=s3cret", device: //nas/share}}
configs:
  app: {content: "key = s3cret"}
networks:
  back: {driver_opts: {auth_token: s3cret}}
`))
	proposal, printed := carried(t, root)
	checkSecrets(t, proposal, printed, release(t, root, "production"))
	for _, text := range []string{`o: "${SHARE_O}"`, "app: {environment: APP}", `auth_token: "${auth_token}"`} {
		if !strings.Contains(services(t, proposal), text) {
			t.Errorf("it does not write %s:\n%s", text, services(t, proposal))
		}
	}
	if !strings.Contains(proposal.Files[3].Content, "SHARE_O=\n") || !strings.Contains(proposal.Files[3].Content, "\nAPP=\n") {
		t.Errorf("the list of variables:\n%s", proposal.Files[3].Content)
	}
}

// Of the files with variables only the names are read.
func TestEnvFiles(t *testing.T) {
	root := project(t, "laravel")
	proposal, printed := carried(t, root)
	checkSecrets(t, proposal, printed)
	for _, name := range []string{"MAIL_HOST", "MAIL_PASSWORD"} {
		if !strings.Contains(proposal.Files[3].Content, "\n#"+name+"=\n") {
			t.Errorf("%s is not in the list of variables:\n%s", name, proposal.Files[3].Content)
		}
	}
}
