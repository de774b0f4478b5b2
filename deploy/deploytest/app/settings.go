package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Values of APP_HEALTH.
const (
	healthOK    = "ok"
	healthNever = "never"
	healthFlap  = "flap"
)

// Values of APP_ON_SIGTERM.
const (
	onDrain  = "drain"
	onDie    = "die"
	onIgnore = "ignore"
)

// Settings is how the application behaves, each from its variable.
type Settings struct {
	Release    string        // APP_RELEASE: sent as X-Release with every answer
	Listen     string        // APP_LISTEN: default :8080
	Twice      bool          // APP_LISTEN_TWICE: listens a second time where it does already, which fails
	Boot       time.Duration // APP_BOOT: time before it listens
	Health     string        // APP_HEALTH: ok; never: 503; flap: 200 and 503 in turn to each client address
	OnSIGTERM  string        // APP_ON_SIGTERM: drain; die: exit at once; ignore
	Grace      time.Duration // APP_GRACE: longest drain, default 10s
	ExitAfter  time.Duration // APP_EXIT_AFTER: crash after so long
	Delay      time.Duration // APP_DELAY: how long GET / takes
	FailStatus int           // APP_FAIL_STATUS: GET / answers this (1 or true: 500) while health is good
	RequireEnv []string      // APP_REQUIRE_ENV: names, by comma, without which it does not start
	HogMemory  int64         // APP_HOG_MEMORY: bytes to take before it listens, as 64m or 1g
	Hang       bool          // APP_HANG: accepts requests and never answers, /healthz included
	After      time.Duration // APP_AFTER: how long it is well before APP_HEALTH, APP_HOG_MEMORY and APP_HANG apply
	Store      string        // APP_STORE: folder of orders.log and ticks.log, default /data
	Work       time.Duration // APP_WORK_SECONDS: what a worker still has to do when told to stop
	Identity   string        // APP_IDENTITY: who a scheduler is, default the host's name
}

// ParseSettings reads the environment and names every mistake in it. Values of
// required variables are never part of an error.
func ParseSettings(getenv func(string) string) (Settings, error) {
	p := settingsParser{getenv: getenv}
	s := Settings{
		Release:    getenv("APP_RELEASE"),
		Listen:     cmp.Or(getenv("APP_LISTEN"), ":8080"),
		Twice:      p.boolean("APP_LISTEN_TWICE"),
		Boot:       p.duration("APP_BOOT", 0),
		Health:     p.oneOf("APP_HEALTH", healthOK, healthNever, healthFlap),
		OnSIGTERM:  p.oneOf("APP_ON_SIGTERM", onDrain, onDie, onIgnore),
		Grace:      p.duration("APP_GRACE", 10*time.Second),
		ExitAfter:  p.duration("APP_EXIT_AFTER", 0),
		Delay:      p.duration("APP_DELAY", 0),
		FailStatus: p.status("APP_FAIL_STATUS"),
		RequireEnv: p.names("APP_REQUIRE_ENV"),
		HogMemory:  p.size("APP_HOG_MEMORY"),
		Hang:       p.boolean("APP_HANG"),
		After:      p.duration("APP_AFTER", 0),
		Store:      cmp.Or(getenv("APP_STORE"), "/data"),
		Work:       p.seconds("APP_WORK_SECONDS"),
		Identity:   getenv("APP_IDENTITY"),
	}
	if strings.ContainsAny(s.Release, " \t\r\n") || strings.ContainsAny(s.Identity, " \t\r\n") {
		p.add("APP_RELEASE, APP_IDENTITY", errors.New("no white space may be in them"))
	}
	if s.Identity == "" {
		s.Identity, _ = os.Hostname()
	}
	return s, errors.Join(p.wrong...)
}

type settingsParser struct {
	getenv func(string) string
	wrong  []error
}

func (p *settingsParser) add(name string, err error) {
	p.wrong = append(p.wrong, fmt.Errorf("%s: %w", name, err))
}

func (p *settingsParser) duration(name string, otherwise time.Duration) time.Duration {
	v := p.getenv(name)
	if v == "" {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	if err == nil && d < 0 {
		err = fmt.Errorf("%v is negative", d)
	}
	if err != nil {
		p.add(name, err)
	}
	return d
}

func (p *settingsParser) seconds(name string) time.Duration {
	v := p.getenv(name)
	if v == "" {
		return 0
	}
	d, err := parseSeconds(v)
	if err != nil {
		p.add(name, err)
	}
	return d
}

func (p *settingsParser) oneOf(name string, values ...string) string {
	v := cmp.Or(p.getenv(name), values[0])
	for _, want := range values {
		if v == want {
			return v
		}
	}
	p.add(name, fmt.Errorf("%q is none of %s", v, strings.Join(values, ", ")))
	return values[0]
}

func (p *settingsParser) status(name string) int {
	v := p.getenv(name)
	if v == "" {
		return 0
	}
	if n, err := strconv.Atoi(v); err == nil && n >= 400 && n <= 599 {
		return n
	}
	if !p.boolean(name) {
		return 0
	}
	return 500
}

func (p *settingsParser) boolean(name string) bool {
	v := p.getenv(name)
	if v == "" {
		return false
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		p.add(name, fmt.Errorf("%q is neither true nor false", v))
	}
	return b
}

// names reads a list, and misses each variable of it that is not set.
func (p *settingsParser) names(list string) []string {
	var names []string
	for name := range strings.SplitSeq(p.getenv(list), ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		names = append(names, name)
		if p.getenv(name) == "" {
			p.add(name, errors.New("required and not set"))
		}
	}
	return names
}

func (p *settingsParser) size(name string) int64 {
	v := strings.ToLower(p.getenv(name))
	if v == "" {
		return 0
	}
	digits, shift := v, 0
	if i := strings.IndexByte("kmg", v[len(v)-1]); i >= 0 {
		digits, shift = v[:len(v)-1], 10*(i+1)
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 {
		p.add(name, fmt.Errorf("%q is no size such as 64m", v))
	}
	return n << shift
}

const maxSeconds = 3600

// parseSeconds reads a number of seconds such as 2 or 0.5.
func parseSeconds(v string) (time.Duration, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= maxSeconds) {
		return 0, fmt.Errorf("%q is no number of seconds up to %d", v, maxSeconds)
	}
	return time.Duration(f * float64(time.Second)), nil
}
