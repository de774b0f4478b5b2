//go:build integration

package mage_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// checkoutFlow is what a visitor does: look at the catalogue, order the first
// product of it, and find the order among all.
const checkoutFlow = `    - name: checkout
      attempts: 2
      interval: 500ms
      timeout: 30s
      steps:
        - url: "http://127.0.0.1:${BACKEND_PORT}/api/products/"
          host: localhost
          contains: '"price"'
          save: {product: '"id": (\d+)'}
        - url: "http://127.0.0.1:${BACKEND_PORT}/api/orders/"
          host: localhost
          method: POST
          body: '{"id": "flow-${VERSION}-{random}", "product": {product}}'
          status: STATUS
          save: {order: '"id": "([^"]+)"'}
        - url: "http://127.0.0.1:${BACKEND_PORT}/api/orders/ids/?prefix={order}"
          host: localhost
          contains: "{order} 1 "
          latency: 20s
`

// TestTheWebshopIsVerifiedByAFlow orders in each new release. One whose
// checkout fails is healthy by all else, and is taken back; one that logs
// tracebacks and keeps within the lines is reported.
func TestTheWebshopIsVerifiedByAFlow(t *testing.T) {
	alongside(t, webshops)
	broken := map[string]string{"BREAK": "error-500"}
	w := newWebshop(t, deploytest.WebshopVersion{Name: "v1.0.0"}, deploytest.WebshopVersion{Name: "v1.1.0"},
		deploytest.WebshopVersion{Name: "error-500", Arguments: broken})
	w.Exec(w.Name+"-backend-1", "python3", "manage.py", "seed")
	const last = "/\", interval: 500ms}\n"
	write := func(flow string, more ...string) {
		content := strings.Replace(webshopCompose, last+"  watch: {", last+flow+"  watch: {", 1)
		for at := 0; at < len(more); at += 2 {
			content = strings.Replace(content, more[at], more[at+1], 1)
		}
		if content == webshopCompose {
			t.Fatal("the Compose file has no place for the flow")
		}
		w.WriteCompose(content)
	}
	flow := strings.Replace(checkoutFlow, "STATUS", "201", 1)
	t.Run("a good release", func(t *testing.T) {
		write(flow)
		result := w.in(t).deploys("v1.1.0")
		says(t, result, "2 public endpoints, 1 flow")
		if orders := w.in(t).orders("flow-v1.1.0-"); len(orders) != 1 {
			t.Errorf("the flow left the orders %v", orders)
		}
	})
	t.Run("a release whose checkout fails", func(t *testing.T) {
		result := w.in(t).Mage("deploy:here", "error-500", "-env=test")
		t.Logf("%s", result.Output)
		says(t, result, "verify checkout: 2 attempts failed, the last with: step 1 of 3, GET", "/api/products/ answered 500 Internal Server Error instead of 2xx", "was taken back: v1.1.0 serves")
		if result.Status != deploy.ExitRolledBack {
			t.Errorf("exit status %d", result.Status)
		}
		if release, _ := w.in(t).ask("GET", "/api/products/", nil); release != "v1.1.0" {
			t.Errorf("%s answers", release)
		}
	})
	// Django prints a traceback for each request that it answers with 500, so
	// that what verifies a wrong status leaves one behind.
	t.Run("tracebacks are reported", func(t *testing.T) {
		failing := `    - {name: failing, url: "http://127.0.0.1:${BACKEND_PORT}/api/products/", host: localhost, status: 500}` + "\n"
		write(failing, "watch: {slowdown: 100}", "watch: {slowdown: 100, error_ratio: 1}")
		w.in(t).deploys("error-500")
		report, _ := w.in(t).report("error-500")
		text, _ := json.Marshal(report.Warnings)
		if !strings.Contains(string(text), "Python RuntimeError: RuntimeError: this release answers every request") {
			t.Errorf("the report warns of %s", text)
		}
	})
	t.Run("tracebacks take a release back", func(t *testing.T) {
		write(flow)
		w.in(t).MustMage("rollback", "v1.1.0", "-env=test")
		failing := `    - {name: failing, url: "http://127.0.0.1:${BACKEND_PORT}/api/products/", host: localhost, status: 500}` + "\n"
		write(failing, "watch: {slowdown: 100}", "watch: {slowdown: 100, error_ratio: 1, tracebacks: 0}")
		result := w.in(t).Mage("deploy:here", "error-500", "-env=test")
		t.Logf("%s", result.Output)
		says(t, result, "the new containers logged", "which crosses 0 (x-deploy.watch.tracebacks), such as: RuntimeError", "was taken back: v1.1.0 serves")
		if result.Status != deploy.ExitRolledBack {
			t.Errorf("exit status %d", result.Status)
		}
	})
}
