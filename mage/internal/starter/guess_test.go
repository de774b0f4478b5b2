package starter

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestGuesses guesses single services: by image, command, port and name.
func TestGuesses(t *testing.T) {
	for _, test := range []struct {
		service string
		kind    Kind
		port    int
		reason  string
	}{
		{"app: {build: ., command: gunicorn shop.wsgi -b 0.0.0.0:9000}", KindWeb, 9000, `"gunicorn"`},
		{"app: {build: ., command: [uvicorn, main:app, --port, '8001']}", KindWeb, 8001, `"uvicorn"`},
		{"app: {build: ., command: gunicorn app:app --worker-class uvicorn.workers.UvicornWorker --workers 4}", KindWeb, 8000, `"gunicorn"`},
		{"app: {build: ., command: bundle exec puma}", KindWeb, 3000, `"puma"`},
		{"app: {build: ., command: node server.js, environment: {PORT: 4100}}", KindWeb, 4100, `"server.js"`},
		{"app: {build: ., command: node worker.js}", KindWorker, 0, `"worker"`},
		{"app: {build: ., ports: ['3000']}", KindWeb, 3000, "publishes a port"},
		{"app: {build: ., ports: ['8125:8125/udp'], expose: ['80']}", KindAlone, 80, "exposes a port"},
		{"app: {build: ., healthcheck: {test: wget http://localhost:9090/ok}}", KindWeb, 9090, "health check"},
		{"app: {build: ., command: celery -A x worker}", KindWorker, 0, `"celery"`},
		{"app: {build: ., command: celery -A x beat}", KindScheduler, 0, `"beat"`},
		{"app: {build: ., command: celery -A x worker --beat}", KindScheduler, 0, "scheduler in Celery's worker"},
		{"app: {build: ., command: php artisan queue:work}", KindWorker, 0, `"queue:work"`},
		{"app: {build: ., command: php artisan schedule:work}", KindScheduler, 0, `"schedule:work"`},
		{"app: {build: ., command: php-fpm}", KindUpstream, 0, `"php-fpm"`},
		{"app: {image: 'php:8.3-fpm'}", KindUpstream, 0, "PHP-FPM"},
		{"app: {image: 'wordpress:6-fpm'}", KindUpstream, 80, "PHP-FPM"},
		{"app: {build: ., command: python manage.py migrate}", KindTask, 0, "task that ends"},
		{"app: {build: ., command: 'sh -c \"python manage.py migrate && gunicorn a.wsgi\"'}", KindWeb, 8000, `"gunicorn"`},
		{"email-worker: {build: .}", KindWorker, 0, "it is called worker"},
		{"cron_jobs: {build: .}", KindScheduler, 0, "it is called cron"},
		{"init: {build: .}", KindTask, 0, "it is called init"},
		{"workersafety: {build: .}", KindOther, 0, "neither"},
		{"app: {image: 'bitnami/postgresql:16'}", KindDatabase, 0, "Postgres"},
		{"app: {image: 'mcr.microsoft.com/mssql/server:2022'}", KindDatabase, 0, "SQL Server"},
		{"app: {image: 'vaultwarden/server:1', environment: {DATABASE_URL: 'postgresql://x'}}", KindWeb, 80, "Vaultwarden"},
		{"app: {image: 'vaultwarden/server:1'}", KindAlone, 80, "Vaultwarden"},
		{"app: {image: 'grafana/grafana:11', environment: [GF_DATABASE_TYPE=postgres]}", KindWeb, 3000, "Grafana"},
		{"app: {image: 'acme/server:1', ports: ['80:9000']}", KindWeb, 9000, "publishes a port"},
		{"app: {image: 'mailhog/mailhog'}", KindTool, 0, "mail catcher"},
		{"app: {image: 'traefik:v3', ports: ['80:80']}", KindEdge, 0, "reverse proxy"},
		{"app: {build: ., ports: ['9229:9229', '8080:8080']}", KindWeb, 8080, "publishes a port"},
	} {
		name, _, _ := strings.Cut(test.service, ":")
		var services map[string]any
		if err := yaml.Unmarshal([]byte(test.service), &services); err != nil {
			t.Fatalf("%s: %v", test.service, err)
		}
		root := folder(t, "services:\n  "+test.service+"\n  other: {image: x, expose: ['1']}\n")
		project, err := Read(t.Context(), root)
		if err != nil {
			t.Fatalf("%s: %v", test.service, err)
		}
		for _, got := range classify(project) {
			if got.facts.name != name {
				continue
			}
			if got.kind != test.kind || !strings.Contains(got.reason, test.reason) || test.port != 0 && got.port != test.port {
				t.Errorf("%s\n  is a %s on %d, since %s; wanted %s on %d, since %s", test.service, got.kind, got.port, got.reason, test.kind, test.port, test.reason)
			}
		}
	}
}

func TestPorts(t *testing.T) {
	for _, test := range []struct {
		written any
		wanted  string
	}{
		{"8000", "  8000 "},
		{"80:8000", " 80 8000 "},
		{"127.0.0.1:80:8000/tcp", "127.0.0.1 80 8000 tcp"},
		{"${PORT:-3000}:3000", " ${PORT:-3000} 3000 "},
		{"${IP:-127.0.0.1}:${PORT-1}:${INNER:-3000}", "${IP:-127.0.0.1} ${PORT-1} 3000 "},
		{"[::1]:80:8000", "[::1] 80 8000 "},
		{map[string]any{"target": 80, "published": "${P:-81}", "protocol": "tcp", "host_ip": "10.0.0.1"}, "10.0.0.1 ${P:-81} 80 tcp"},
		{"53:53/udp", " 53 53 udp"},
		{"3000-3005:3000-3005", "none"},
		{"80:${INNER}", "none"},
	} {
		got := "none"
		if one, ok := parsePort(test.written); ok {
			got = fmt.Sprint(one.host, " ", one.published, " ", one.target, " ", one.protocol)
		}
		if got != test.wanted {
			t.Errorf("%v is %q, not %q", test.written, got, test.wanted)
		}
	}
}

// What is written is what YAML reads.
func TestScalars(t *testing.T) {
	for _, value := range []string{
		"a", "no", "Yes", "null", "~", "1", "1.5", "1e3", "0x1f", "60s", "1m30s", "-", "-W", "- a", ".5", ".inf", "", " a", "a ", "a: b", "a:b", "a:80", "12:30", "a #b", "#a", "@a", "*a", "&a", "!a", "%a",
		"${A:-b}", `a"b`, `a\b`, "a\nb", "{a}", "[a]", "a,b", "ü", "<&>", "haproxy:3.0", "2024-01-01", "=", "y", "off", "...", "---", "/a/b", "./a:/b:ro", "$$HOME",
	} {
		var read map[string][]any
		if err := yaml.Unmarshal([]byte("a: "+flow([]any{value})), &read); err != nil {
			t.Errorf("%q is written as %s: %v", value, scalar(value), err)
			continue
		}
		if got, ok := read["a"][0].(string); !ok || got != value {
			t.Errorf("%q is written as %s and read as %#v", value, scalar(value), read["a"][0])
		}
	}
}
