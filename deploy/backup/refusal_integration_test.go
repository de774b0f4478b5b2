//go:build integration

package backup

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestRefusalsAreOneSentence(t *testing.T) {
	s := newShop(t)
	s.take()
	for name, test := range map[string]struct {
		change func(*Options)
		wanted []string
	}{
		"missing login": {func(o *Options) { delete(o.Variables, "BACKUP_SECRET_KEY") },
			[]string{"BACKUP_SECRET_KEY is not set", "Write BACKUP_SECRET_KEY into .env"}},
		"no login": {func(o *Options) { o.Variables, o.File = nil, "/opt/shop/.env" },
			[]string{"BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY are not set", "into /opt/shop/.env"}},
		"wrong key": {func(o *Options) { o.Variables["BACKUP_ACCESS_KEY"] = "nobody" },
			[]string{"does not know the key in BACKUP_ACCESS_KEY", "Correct BACKUP_ACCESS_KEY"}},
		"wrong secret": {func(o *Options) { o.Variables["BACKUP_SECRET_KEY"] = "guessed-secret" },
			[]string{"does not accept the secret key in BACKUP_SECRET_KEY", "in .env"}},
		"no bucket": {func(o *Options) { o.Settings.Bucket = "elsewhere" },
			[]string{"there is no bucket elsewhere at " + s.s3.Endpoint, "x-deploy.backups.bucket"}},
		"no server": {func(o *Options) { o.Settings.Endpoint = "http://127.0.0.1:9" },
			[]string{"no S3 server listens at http://127.0.0.1:9", "x-deploy.backups.endpoint"}},
		"no name": {func(o *Options) { o.Settings.Endpoint = "http://s3.invalid" },
			[]string{"the S3 server's name s3.invalid is not known", "getent hosts s3.invalid"}},
		"no address": {func(o *Options) { o.Settings.Endpoint = "http://s3.example/path" },
			[]string{`"http://s3.example/path" is not an address`, "without a path"}},
	} {
		t.Run(name, func(t *testing.T) {
			options := s.options()
			test.change(&options)
			vault, err := Open(options)
			if err == nil {
				_, err = vault.List(t.Context())
				_, other := vault.Take(t.Context())
				contains(t, fmt.Sprint(other), test.wanted...)
				contains(t, fmt.Sprint(other), "Nothing was left")
			}
			contains(t, fmt.Sprint(err), test.wanted...)
			failure, ok := errors.AsType[*deploy.Failure](err)
			if !ok || failure.Hint == "" || strings.Contains(failure.Err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
			for _, secret := range []string{s.s3.SecretKey, "guessed-secret"} {
				if strings.Contains(fmt.Sprint(err), secret) {
					t.Errorf("a secret is in: %v", err)
				}
			}
		})
	}
}

// TestAServerThatHangs is stopped in the middle of a conversation.
func TestAServerThatHangs(t *testing.T) {
	s := newShop(t)
	s.take()
	options := s.options()
	options.Patience = 200 * time.Millisecond
	vault := s.open(options)
	must(t, s.s3.Process().Signal(syscall.SIGSTOP))
	began := time.Now()
	_, err := vault.List(t.Context())
	contains(t, fmt.Sprint(err), "has not answered for 200ms, 3 times", "curl -I "+s.s3.Endpoint)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to give up", took)
	}
	must(t, s.s3.Process().Signal(syscall.SIGCONT))
	_, err = vault.List(t.Context())
	must(t, err)

	s.s3.Stop()
	_, err = vault.Restore(t.Context(), "")
	contains(t, fmt.Sprint(err), "no S3 server listens")
}

func TestWithoutADatabase(t *testing.T) {
	s := newShop(t)
	options := s.options()
	options.Container = ""
	_, err := s.open(options).Take(t.Context())
	contains(t, fmt.Sprint(err), "no container of service db runs", "mage status")
	options = s.options()
	options.Settings.Database = "nothing here"
	_, err = s.open(options).Take(t.Context())
	contains(t, fmt.Sprint(err), `database "nothing here" does not exist`, "Nothing was left")
}
