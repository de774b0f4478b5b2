//go:build integration

package mage_test

import (
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// goesThroughTheChecklist releases what the checklist refuses in each of its
// items, and then does or waives them.
func (s *shop) goesThroughTheChecklist() {
	s.T.Helper()
	compose := strings.NewReplacer("ENVIRONMENT", "production", "PORT", "8082", "TAGS", `["{major}.{minor}", latest]`).Replace(shopCompose)
	s.WriteFile("compose/docker-compose.production.yml", strings.Replace(compose, "x-deploy:\n  hosts",
		"x-deploy:\n  checklist: {items: ["+strings.Join(deploy.ChecklistItems, ", ")+"]}\n  hosts", 1))
	s.WriteFile("CHANGELOG.md", "# Changes\n\n## v1.1.0\n\n- a third page\n")
	s.page("three")
	s.MustMage("release", "v1.1.0")
	refused := s.Mage("deploy:production", "v1.1.0", "-yes", "-waive=rollback: done all the same")
	if refused.Status != deploy.ExitFailed {
		s.T.Errorf("a checklist with nothing done ended with status %d:\n%s", refused.Status, refused.Output)
	}
	s.says(refused,
		"was never verified on staging", "mage deploy:staging", "no backups are configured",
		"does not say what breaks", "✓ rollback back to v1.0.0 by `mage rollback v1.0.0 -env=production`", "nothing was touched")
	s.serves("8082", "v1.0.0")
	for waiver, says := range map[string]string{"tests: none": "no item", "backup": "without a reason"} {
		if wrong := s.Mage("deploy:checklist", "v1.1.0", "-waive="+waiver); wrong.Status != deploy.ExitUsage || !strings.Contains(wrong.Output, says) {
			s.T.Errorf("waived %q: status %d\n%s", waiver, wrong.Status, wrong.Output)
		}
	}

	s.WriteFile("CHANGELOG.md", "# Changes\n\n## v1.1.1\n\nBreaking: none\n")
	staged := s.page("four")
	s.MustMage("deploy:staging")
	s.MustMage("release", "v1.1.1")
	deployed := s.MustMage("deploy:production", "v1.1.1", "-yes", "-waive=ci: this test is it; notified: nobody is there; backup: nothing is stored")
	s.says(deployed, "✓ staging "+staged+" was verified on staging", "✓ changelog breaking changes: none", "~ backup", "(waived: nothing is stored)")
	s.serves("8082", "v1.1.1")
	record := s.vps.MustRunIn("/", "sh", "-c", "cat /opt/shop-production/.deploy/releases/*v1.1.1/record.json").Output
	for _, kept := range []string{`"item": "backup"`, `"reason": "nothing is stored"`, `"subject": "four"`} {
		if !strings.Contains(record, kept) {
			s.T.Errorf("the release's record does not have %s:\n%s", kept, record)
		}
	}
}

func (s *shop) says(result deploytest.Result, texts ...string) {
	s.T.Helper()
	says(s.T, result, texts...)
}
