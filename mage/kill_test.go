//go:build integration

package mage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// victim is who is killed.
type victim struct {
	name  string
	start func(a *app, args ...string) *deploytest.Command
	kill  func(a *app, c *deploytest.Command)
	// repaired says that what is left is brought in order without a command,
	// and ignored that the command goes on as if nothing had happened.
	repaired, ignored bool
}

func (a *app) start(args ...string) *deploytest.Command { return a.Start(args...) }

func (a *app) startInTerminal(args ...string) *deploytest.Command { return a.StartInTerminal(args...) }

var victims = []victim{
	{name: "worker", start: (*app).start, repaired: true, kill: func(a *app, c *deploytest.Command) { a.slay(c.Children()...) }},
	{name: "supervisor", start: (*app).start, kill: func(a *app, c *deploytest.Command) { a.slay(c.PID()) }},
	{name: "both", start: (*app).start, kill: func(a *app, c *deploytest.Command) { a.slay(append(c.Children(), c.PID())...) }},
	{name: "shell", start: (*app).startInTerminal, repaired: true, ignored: true, kill: func(a *app, c *deploytest.Command) {
		left := c.Children()
		a.slay(c.PID())
		a.Await("the command whose shell was killed", func() bool {
			return !slices.ContainsFunc(left, alive)
		})
	}},
}

// alive says whether a process runs. One that has ended, and that whoever
// inherited it has not asked after yet, does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// slay kills processes at once; those that are gone already do not matter.
func (a *app) slay(pids ...int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// course is a command that is killed, from v1 serving.
type course struct {
	name string
	// ready brings about what the command begins with; v1 serves before it.
	ready func(a *app)
	args  []string
	// to is what serves when it is not disturbed.
	to     string
	status int
}

var courses = []course{
	{name: "deploy", args: []string{"deploy:here", "v2", "-env=test"}, to: "v2"},
	{
		name: "rollback", args: []string{"rollback", "v1", "-env=test"}, to: "v1",
		ready: func(a *app) { a.deploy("v2") },
	},
	{
		name: "recovery", args: []string{"recover", "-env=test"}, to: "v1",
		ready: func(a *app) {
			deploying := a.Start("deploy:here", "v2", "-env=test")
			deploying.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
			deploying.Signal(syscall.SIGKILL)
			deploying.Wait()
		},
	},
	{
		name: "deploy that fails its verification", args: []string{"deploy:here", "bad", "-env=test"}, to: "v1",
		status: deploy.ExitRolledBack,
	},
}

// beatService is a scheduler: two of them at once would tick within a second
// under two names.
const beatService = `  beat:
    image: ${REGISTRY}/PROJECT:${VERSION}
    command: [scheduler]
    volumes: ["orders:/data"]
    healthcheck: {test: [CMD, /app, healthcheck, "http://web:8080/healthz"], interval: 1s}
    labels: LABELS
    deploy: {update_config: {order: stop-first}}
volumes:
`

// TestKilledAtEveryEvent kills a worker, its supervisor or both behind every
// event of a journal, under load. Nothing is lost, what serves is one release,
// and in the end all is as after a command that nobody disturbed. Without
// -faults a sample of the events is taken.
func TestKilledAtEveryEvent(t *testing.T) {
	alongside(t, apps)
	a := newApp(t, "MONITOR=300ms")
	a.edit("volumes:\n  orders", beatService+"  orders", "/healthz\", interval: 200ms}", "/\", contains: release v, interval: 100ms, attempts: 3}")
	for _, version := range []string{"v1", "v2"} {
		a.release(version)
	}
	a.release("bad")
	m := &matrix{app: a, finals: map[string]string{}}
	a.deploy("v1")
	m.finals["v1"] = a.final("v1")
	a.deploy("v2")
	m.finals["v2"] = a.final("v2")
	run := a.briefTraffic()
	number := 0
	for _, course := range courses {
		events := m.count(t, course)
		for _, victim := range victims {
			for at := range events {
				number++
				if !*everything && number%25 != 5 {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s behind event %d of %d", course.name, victim.name, at+1, events), func(t *testing.T) {
					m.point(t, course, victim, at+1)
					if lost := run.Snapshot().Lost(); lost > m.lost {
						t.Errorf("%d requests were lost", lost-m.lost)
						m.lost = lost
					}
				})
			}
		}
	}
	a.settle(run)
	t.Logf("%d points, the longest way to one release %s", m.points, m.longest)
}

// matrix is what is known across the points.
type matrix struct {
	*app
	// finals are what stands when a version serves undisturbed.
	finals  map[string]string
	points  int
	lost    int
	longest time.Duration
}

// begin brings about what a course begins with.
func (m *matrix) begin(c course) {
	m.T.Helper()
	if m.answers(m.T) != "v1" {
		m.MustMage("rollback", "v1", "-env=test")
	}
	if c.ready != nil {
		c.ready(m.app)
	}
}

// count runs a course undisturbed and counts its events.
func (m *matrix) count(t *testing.T, c course) int {
	t.Helper()
	m.begin(c)
	written := m.journalFromNow()
	ended(t, m.Mage(c.args...), c.status)
	m.stood(t, c.to)
	return written.events()
}

// written counts what comes into a journal. It reads that only, since it looks
// each millisecond and a journal grows to a megabyte before it is put aside.
type written struct {
	t     testing.TB
	path  string
	file  os.FileInfo
	read  int64
	count int
}

func (m *matrix) journalFromNow() *written {
	w := &written{t: m.T, path: filepath.Join(m.Directory, ".deploy", "journal.jsonl")}
	w.events()
	w.count = 0
	return w
}

// events gives how many there are so far; those of a new file are new.
func (w *written) events() int {
	info, err := os.Stat(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return w.count // it is being put aside
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if w.file == nil || !os.SameFile(w.file, info) {
		w.file, w.read = info, 0
	}
	if info.Size() <= w.read {
		return w.count
	}
	file, err := os.Open(w.path)
	if err != nil {
		return w.count
	}
	defer file.Close()
	if now, err := file.Stat(); err != nil || !os.SameFile(w.file, now) {
		return w.count
	}
	content, err := io.ReadAll(io.NewSectionReader(file, w.read, info.Size()-w.read))
	if err != nil {
		w.t.Fatal(err)
	}
	w.read += int64(len(content))
	w.count += bytes.Count(content, []byte("\n"))
	return w.count
}

// point kills at one point of a course and looks what becomes of it.
func (m *matrix) point(t *testing.T, c course, v victim, at int) {
	t.Helper()
	m.begin(c)
	written := m.journalFromNow()
	command := v.start(m.app, c.args...)
	look := time.NewTicker(time.Millisecond) // the moment counts, and nothing else tells of it
	for written.events() < at && !command.Ended() {
		<-look.C
	}
	look.Stop()
	killed := time.Now()
	v.kill(m.app, command)
	result := m.single(command, killed)
	m.points++
	switch {
	case v.ignored:
		m.stood(t, c.to)
	case !v.repaired:
		if result = m.Mage("recover", "-env=test"); result.Status != 0 {
			t.Errorf("recover: status %d\n%s", result.Status, result.Output)
		}
	case !slices.Contains([]int{0, deploy.ExitFailed, deploy.ExitRolledBack}, result.Status):
		t.Errorf("status %d\n%s", result.Status, result.Output)
	}
	serving := m.answers(t)
	m.stood(t, serving)
	if t.Failed() {
		t.Logf("%s serves\n%s", serving, result.Output)
	}
}

// single waits for the command's end and notes how long more than one release
// or scheduler was there after a kill.
func (m *matrix) single(command *deploytest.Command, killed time.Time) deploytest.Result {
	m.T.Helper()
	var alone time.Time
	m.Await("the killed command to end", func() bool {
		seen := map[string]bool{}
		for range 6 {
			seen[m.answers(m.T)] = true
		}
		if len(seen) > 1 {
			alone = time.Time{}
		} else if alone.IsZero() {
			alone = time.Now()
		}
		return command.Ended()
	})
	if !alone.IsZero() {
		m.longest = max(m.longest, alone.Sub(killed).Round(time.Millisecond))
	}
	return command.Wait()
}

// stood compares what stands with what stood after an undisturbed command.
func (m *matrix) stood(t *testing.T, version string) {
	t.Helper()
	if now, wanted := m.final(version), m.finals[version]; now != wanted {
		t.Errorf("with %s serving stands\n%s\nand after an undisturbed command stood\n%s", version, now, wanted)
	}
	m.oneScheduler(t)
}

// oneScheduler checks that no tick of another scheduler lies between two of
// one.
func (m *matrix) oneScheduler(t *testing.T) {
	t.Helper()
	var done []string
	for line := range strings.Lines(m.ticks()) {
		fields := strings.Fields(line)
		if len(fields) < 2 || len(done) > 0 && done[len(done)-1] == fields[1] {
			continue
		}
		if slices.Contains(done, fields[1]) {
			t.Errorf("scheduler %s ticked again behind another one:\n%s", fields[1], m.ticks())
			return
		}
		done = append(done, fields[1])
	}
}

// ticks reads what the schedulers wrote.
func (m *matrix) ticks() string {
	m.T.Helper()
	volume, err := m.Docker.VolumeInspect(m.T.Context(), m.Name+"_orders")
	if err != nil {
		m.T.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(volume.Mountpoint, "ticks.log"))
	if err != nil {
		m.T.Fatal(err)
	}
	return string(content)
}

var (
	replica  = regexp.MustCompile(`(-web|-beat|-proxy)-\d+`)
	place    = regexp.MustCompile(`(?m)^ *server s\d+ (\S+).*$`)
	checksum = regexp.MustCompile(`(?m)^#.*[0-9a-f]{16,}.*$`)
)

// final is all that a command leaves behind, without the numbers that go up
// with each: containers, the proxy's file, the Compose file, the record.
func (a *app) final(version string) string {
	a.T.Helper()
	var lines []string
	for _, one := range a.Containers(true) {
		lines = append(lines, fmt.Sprint("container ", one.Labels["com.docker.compose.service"], " ", one.State, " ",
			one.Labels["com.docker.compose.config-hash"], " ", one.ImageID))
	}
	slices.Sort(lines)
	config := a.ReadFile("deployed/.deploy/proxy/haproxy.cfg")
	var places []string
	for _, found := range place.FindAllStringSubmatch(config, -1) {
		places = append(places, "place "+replica.ReplaceAllString(found[1], "$1-N"))
	}
	slices.Sort(places)
	lines = append(lines, places...)
	lines = append(lines, checksum.ReplaceAllString(place.ReplaceAllString(config, ""), ""))
	lines = append(lines, a.ReadFile("deployed/docker-compose.test.yml"))
	store := &deploy.Store{Directory: a.Directory, Environment: "test"}
	id, err := store.Serving()
	if err != nil {
		a.T.Fatal(err)
	}
	release, err := store.Load(id)
	if err != nil {
		a.T.Fatal(err)
	}
	if release.Version != version {
		lines = append(lines, "the record says "+release.Version)
	}
	for _, service := range []string{"proxy", "web", "beat"} {
		lines = append(lines, "record "+service+" "+release.Images[service].Pinned())
	}
	stopping, _ := os.ReadDir(filepath.Join(a.Directory, ".deploy", "stopping")) // none where nothing was ever stopped
	lines = append(lines, strconv.Itoa(len(stopping))+" containers are noted as stopping")
	return strings.Join(lines, "\n")
}
