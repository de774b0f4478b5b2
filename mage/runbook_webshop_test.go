//go:build integration

package mage_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// bookVersions are the releases of the runbook's part about migrations, named
// in a way that the tests' other webshops do not use.
var bookVersions = []deploytest.WebshopVersion{
	{Name: "v1.15.0"},
	{Name: "v1.16.0", Arguments: map[string]string{"EXTRA_MIGRATION": "additive"}},
	{Name: "v1.17.0", Arguments: map[string]string{"EXTRA_MIGRATION": "failing"}},
	{Name: "v1.18.0", Arguments: map[string]string{"EXTRA_MIGRATION": "destructive"}},
}

// newBookWebshop is the webshop where the runbook's part about migrations is
// followed, on the server itself: the first version serves, with backups.
func newBookWebshop(t *testing.T, r *reader) {
	t.Helper()
	w := builtWebshop(t, bookVersions...)
	s3 := deploytest.NewS3(t, "backups")
	w.WriteCompose(strings.Replace(webshopCompose, backupsBelow,
		backupsBelow+"  backups: {service: postgres, bucket: backups, prefix: webshop/production, endpoint: \""+s3.Endpoint+"\"}\n", 1))
	w.configure("BACKUP_ACCESS_KEY="+s3.AccessKey, "BACKUP_SECRET_KEY="+s3.SecretKey)
	w.deploys("v1.15.0")
	w.Exec(w.Name+"-backend-1", "python3", "manage.py", "seed")
	w.query("UPDATE products_product SET legacy_code = 'kept-' || id")
	codes := w.query("SELECT count(*) FROM products_product WHERE legacy_code LIKE 'kept-%'")
	if codes == "0" {
		t.Fatal("no product has a code that could be lost")
	}
	r.words.Name("webshop-", w.Name+"-")
	r.words.Name("production:", "test:")
	r.prompts = map[string]func([]string) deploytest.Result{
		"host$": func(words []string) deploytest.Result {
			if words[0] != "mage" {
				t.Fatalf("the server of the runbook has no %s", words[0])
			}
			return w.Mage(words[1:]...)
		},
	}
	r.scenarios = map[string]func(){
		"the codes are counted": func() {
			if now := w.query("SELECT count(*) FROM products_product WHERE legacy_code LIKE 'kept-%'"); now != codes {
				t.Errorf("%s of %s codes are there", now, codes)
			}
		},
	}
}
