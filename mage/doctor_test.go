//go:build integration

package mage_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// diagnosis is what `mage doctor -json` prints.
type diagnosis struct {
	Findings     []doctor.Finding `json:"findings"`
	Unseen       []string         `json:"unseen"`
	Milliseconds int64            `json:"elapsed_ms"`
}

// ask runs the doctor in a project, with variables for the process.
func askDoctor(t testing.TB, p *deploytest.Project, variables ...string) (diagnosis, string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), deploytest.Binary(t), "doctor", "-env=test", "-json")
	command.Dir, command.Env = p.Root, append(os.Environ(), variables...)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	var found diagnosis
	if jsonErr := json.Unmarshal(out.Bytes(), &found); jsonErr != nil {
		t.Fatalf("doctor -json: %v (%v)\n%s%s", jsonErr, err, &out, &said)
	}
	exit, _ := errors.AsType[*exec.ExitError](err)
	if failed := exit != nil && exit.ExitCode() == deploy.ExitFailed; failed != (len(found.Findings) > 0) || exit == nil && err != nil {
		t.Errorf("doctor ended with %v and %d findings", err, len(found.Findings))
	}
	t.Logf("doctor looked for %s", time.Duration(found.Milliseconds)*time.Millisecond)
	return found, out.String()
}

// names checks that the doctor names a cause first, with that in what it says.
func named(t testing.TB, p *deploytest.Project, cause doctor.Cause, says string, variables ...string) {
	t.Helper()
	found, text := askDoctor(t, p, variables...)
	if len(found.Findings) == 0 {
		t.Errorf("doctor finds nothing, wanted %s\n%s", cause, text)
		return
	}
	t.Logf("%s in %d ms: %s", found.Findings[0].Cause, found.Milliseconds, found.Findings[0].Title)
	if found.Findings[0].Cause != cause {
		t.Errorf("doctor names %s first, wanted %s\n%s", found.Findings[0].Cause, cause, text)
	}
	if first, _ := json.Marshal(found.Findings[0]); !strings.Contains(string(first), says) {
		t.Errorf("it does not say %q: %s", says, first)
	}
}

// well checks that the doctor finds nothing.
func well(t testing.TB, p *deploytest.Project) {
	t.Helper()
	found, text := askDoctor(t, p)
	if len(found.Findings) > 0 || len(found.Unseen) > 0 {
		t.Errorf("doctor finds something in what is well:\n%s", text)
	}
	t.Logf("nothing found in %d ms", found.Milliseconds)
}

// badReleases are releases of the small application that a deploy takes back.
// The doctor's finding leads the error, and is found later as well.
var badReleases = []struct {
	name    string
	release []string
	edit    []string
	env     []string
	cause   doctor.Cause
	says    string
}{
	{name: "misses a variable", release: []string{"APP_REQUIRE_ENV=PAYMENT_KEY"}, cause: doctor.CauseVariable, says: "PAYMENT_KEY"},
	{name: "takes more than its limit", release: []string{"APP_HOG_MEMORY=512m"}, edit: []string{updateLine, limitedMemory}, cause: doctor.CauseOutOfMemory, says: "limits.memory of web"},
	{name: "listens on the loopback only", release: []string{"APP_LISTEN=127.0.0.1:8080"}, edit: soon, cause: doctor.CauseBindAddress, says: "0.0.0.0:8080"},
	{name: "listens on another port", release: []string{"APP_LISTEN=:9000"}, edit: soon, cause: doctor.CauseWrongPort, says: "9000"},
	{name: "is asked for a path that is not there", edit: []string{healthLine, "health: {path: /health, budget: 1s}"}, cause: doctor.CauseHealthPath, says: "404"},
	{name: "never answers", release: []string{"APP_HANG=true"}, edit: []string{healthLine, "health: {path: /healthz, budget: 1s, timeout: 500ms}"}, cause: doctor.CauseNoAnswer, says: "no answer within"},
	{name: "is never healthy", release: []string{"APP_HEALTH=never"}, edit: soon, cause: doctor.CauseUnhealthy, says: "503"},
	{name: "ends at boot", release: []string{"APP_EXIT_AFTER=100ms", "APP_BOOT=1m"}, cause: doctor.CauseExits, says: "exited with status 3"},
	{name: "has no such command", edit: []string{`    expose: ["8080"]`, "    entrypoint: [/bin/gunicron]\n" + `    expose: ["8080"]`}, cause: doctor.CauseCommand, says: "image has no such command"},
	{name: "finds its port taken", release: []string{"APP_LISTEN=:8080", "APP_LISTEN_TWICE=true"}, cause: doctor.CausePortInUse, says: "address already in use"},
	{name: "has a tag that nobody pushed", cause: doctor.CauseImageTag, says: "nearest tags"},
	{name: "has a repository that is not there", edit: []string{"${REGISTRY}/PROJECT:", "${REGISTRY}/PROJECT-new:"}, cause: doctor.CauseImageNotPushed, says: "mage push"},
	{name: "has a registry that is away", env: []string{"REGISTRY=127.0.0.1:9"}, cause: doctor.CauseRegistryAway, says: "127.0.0.1:9"},
}

// soon gives a health check up early.
var soon = []string{healthLine, "health: {path: /healthz, budget: 1s}"}

// TestTheDoctorKnowsWhatIsWrong breaks a small application's deploys, and what
// runs of it, in one way after the other.
func TestTheDoctorKnowsWhatIsWrong(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=300ms", "DRAIN=1s", "GRACE=2s")
	a.release("good")
	a.deploy("good")
	well(t, a.Project)
	for _, bad := range badReleases {
		t.Run(bad.name, func(t *testing.T) {
			version := "bad-" + strings.ReplaceAll(bad.name, " ", "-")
			if bad.release != nil {
				a.release(version, bad.release...)
			} else if bad.cause != doctor.CauseImageTag {
				a.release(version)
			}
			a.edit(bad.edit...)
			a.configure(bad.env...)
			result := a.Mage("deploy:here", version, "-env=test")
			if bad.cause != doctor.CauseImageTag && bad.cause != doctor.CauseImageNotPushed { // which say it themselves
				ended(t, result, deploy.ExitFailed, "cause: ", "("+string(bad.cause)+")")
			}
			t.Logf("%s", result.Output)
			named(t, a.Project, bad.cause, bad.says)
		})
	}
	a.edit()
	a.configure()
	a.release("better")
	a.deploy("better")
	well(t, a.Project)
	t.Run("of what runs", func(t *testing.T) { a.breaks(t) })
	well(t, a.Project)
}

// breaks disturbs what runs by hand, each time undoing it.
func (a *app) breaks(t *testing.T) {
	web, proxy := a.ids("web")[0], a.ids("proxy")[0]
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(a.Docker.ContainerPause(t.Context(), web))
	named(t, a.Project, doctor.CausePaused, "docker unpause")
	do(a.Docker.ContainerUnpause(t.Context(), web))

	do(a.Docker.ContainerStop(t.Context(), web, container.StopOptions{}))
	named(t, a.Project, doctor.CauseStopped, "docker start")
	do(a.Docker.ContainerStart(t.Context(), web, container.StartOptions{}))
	a.Await("the application", a.reached)

	do(a.Docker.ContainerStop(t.Context(), proxy, container.StopOptions{}))
	named(t, a.Project, doctor.CauseProxyDown, "docker start")
	listener, err := net.Listen("tcp", a.address())
	do(err)
	named(t, a.Project, doctor.CausePortTaken, "ss -ltnp")
	do(listener.Close())
	do(a.Docker.ContainerStart(t.Context(), proxy, container.StartOptions{}))
	a.Await("the proxy", a.reached)

	named(t, a.Project, doctor.CauseEngine, "systemctl start docker", "DOCKER_HOST=unix:///nowhere/docker.sock")
	a.edit("${SETTING:-}", "${PAYMENT_KEY}")
	named(t, a.Project, doctor.CauseVariableUnset, "PAYMENT_KEY")
	a.edit("    stop_grace_period", "    container_name: web\n    stop_grace_period")
	named(t, a.Project, doctor.CauseCompose, "container_name")
	a.edit("services:\n", "services: [\n")
	named(t, a.Project, doctor.CauseCompose, "yaml")
	a.edit()

	barred := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
	}))
	defer barred.Close()
	a.configure("REGISTRY=" + strings.TrimPrefix(barred.URL, "http://"))
	ended(t, a.Mage("deploy:here", "other", "-env=test"), deploy.ExitFailed, "(registry-sign-in)")
	named(t, a.Project, doctor.CauseRegistrySignIn, "docker login")
	a.configure()
	a.release("best")
	a.bundles(t)
	a.edit()
	a.deploy("best") // while .env has what the release before it needs
	a.configure()
}

// planted are secrets, each in a place of its own.
var planted = []string{"planted-token-1", "planted-url-2", "planted-inline-3", "planted-argument-4", "zq9"}

// bundles deploys a release with secrets wherever somebody may have put them,
// and looks for them in the doctor's archive.
func (a *app) bundles(t *testing.T) {
	a.edit(`{SETTING: "${SETTING:-}"}`, `
      API_TOKEN: "${API_TOKEN}"
      DATABASE_URL: "${DATABASE_URL}"
      APP_RELEASE: "${API_TOKEN}"
      SHORT_KEY: "${SHORT_KEY}"
      SERVICE: "https://user:planted-inline-3@service.example/"
    command: [serve, "--password=planted-argument-4", "${API_TOKEN}", "key ${SHORT_KEY}"]`)
	a.configure("API_TOKEN=planted-token-1", "DATABASE_URL=postgres://user:planted-url-2@db/shop", "SHORT_KEY=zq9")
	a.deploy("best")
	path := filepath.Join(a.Root, "doctor.tar.gz")
	result := a.Mage("doctor", "-env=test", "-bundle="+path)
	ended(t, result, 0, "nothing is wrong", "written: "+path)
	files := unpacked(t, path)
	for name, content := range files {
		for _, secret := range planted {
			if strings.Contains(content, secret) {
				t.Errorf("%s has the secret %s", name, secret)
			}
		}
	}
	log, compose := "", files["doctor/docker-compose.test.yml"]
	for name, content := range files {
		if strings.Contains(name, "/containers/") && strings.HasSuffix(name, ".log") {
			log += content
		}
	}
	for what, held := range map[string]bool{
		"findings":          strings.Contains(files["doctor/findings.json"], `"findings": []`),
		"the evidence":      strings.Contains(files["doctor/evidence.json"], `"containers"`),
		"the status":        strings.Contains(files["doctor/status.json"], "best"),
		"the versions":      strings.Contains(files["doctor/versions.json"], "engine"),
		"names":             strings.Contains(files["doctor/variables.txt"], "API_TOKEN\n"),
		"the Compose file":  strings.Contains(compose, "${API_TOKEN}"),
		"the logs":          strings.Contains(log, "release=$API_TOKEN"),
		"the transcripts":   slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(name string) bool { return strings.HasPrefix(name, "doctor/runs/") }),
		"the proxy's file":  strings.Contains(files["doctor/haproxy.cfg"], "backend"),
		"what was deployed": strings.Contains(files["doctor/journal.jsonl"], "best"),
	} {
		if !held {
			t.Errorf("the archive lacks %s: %v", what, slices.Sorted(maps.Keys(files)))
		}
	}
	ended(t, a.Mage("doctor", "-env=test", "-bundle="+path), deploy.ExitFailed, "file exists")
}

// unpacked reads an archive.
func unpacked(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
}
