package fake_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

const compose = `name: conformance
services:
  web: {image: "web:1", expose: ["8000"], x-deploy: {route: {listen: 8080, port: 8000, path: /web}}}
  pages: {image: "pages:1", expose: ["3000"], x-deploy: {route: {listen: 8080, port: 3000}}}
  stubborn: {image: "web:1"}
  crash: {image: "web:1"}
  proxy: {image: "haproxy:3.0", ports: ["80:8080"], x-deploy: {proxy: true}}
`

func release(t *testing.T, compose string) *deploy.Release {
	t.Helper()
	model, err := deploy.ParseModel(t.Context(), "/opt/conformance/docker-compose.test.yml", []byte(compose))
	if err != nil {
		t.Fatal(err)
	}
	environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Hash: fake.Hash})
	if err != nil {
		t.Fatal(err)
	}
	made := &deploy.Release{Version: "v1", Images: map[string]deploy.Image{}, Environment: environment}
	for _, service := range environment.Services {
		made.Images[service.Name] = fake.Image(service.Image)
	}
	return made
}

func newHost(made *deploy.Release) *fake.Host {
	host := fake.New()
	for _, image := range made.Images {
		host.Images[image.Pinned()] = true
	}
	return host
}

func TestEngineConforms(t *testing.T) {
	conformance.Engine(t, synctest.Test, func(t *testing.T) conformance.EngineSetup {
		made := release(t, compose)
		host := newHost(made)
		host.Behaviours["web"] = fake.Behaviour{Logs: "ready\n"}
		host.Behaviours["stubborn"] = fake.Behaviour{Ending: time.Hour}
		host.Behaviours["crash"] = fake.Behaviour{Exits: time.Millisecond, ExitCode: 3, Logs: "boom\n"}
		host.Faults = []fake.Fault{{Call: "Pull nowhere"}}
		return conformance.EngineSetup{
			Engine: host.Engine, Release: made, Web: "web", Stubborn: "stubborn", Crash: "crash",
			Changed:  release(t, strings.Replace(compose, `"web:1", expose`, `"web:1", environment: {LEVEL: "2"}, expose`, 1)),
			Pullable: fake.Image("pullable:1"), Unknown: fake.Image("nowhere:1"),
		}
	})
}

var gateway = netip.MustParseAddr("172.18.0.1")

func TestProxyConforms(t *testing.T) {
	conformance.Proxy(t, synctest.Test, func(t *testing.T) conformance.ProxySetup {
		made := release(t, compose)
		host := newHost(made)
		start := func(t *testing.T, service string) deploy.Container {
			t.Helper()
			containers, err := host.Engine.Create(t.Context(), made, service, 1)
			if err != nil {
				t.Fatal(err)
			}
			for !host.Engine.Healthy(containers[0].Name) {
				<-time.After(10 * time.Millisecond)
			}
			return containers[0]
		}
		stop := func(t *testing.T, name string) {
			t.Helper()
			if _, err := host.Engine.Stop(t.Context(), name, time.Second); err != nil {
				t.Fatal(err)
			}
			if err := host.Engine.Remove(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		routes := made.Environment.Routes()
		return conformance.ProxySetup{
			Proxy: host.Proxy, Routes: routes, Start: start, Stop: stop,
			StartProxy: func(t *testing.T) { t.Helper(); start(t, "proxy") },
			StopProxy:  func(t *testing.T) { t.Helper(); stop(t, "conformance-proxy-1") },
			Ask: func(t *testing.T, service string) (string, error) {
				t.Helper()
				return host.Ask(t.Context(), service)
			},
			AskAs: func(t *testing.T, service string, who conformance.Visitor) (string, bool, error) {
				t.Helper()
				from := fake.Visitor{Address: gateway, Pass: who.Pass}
				if who.Forwarded != "" {
					from.Forwarded = netip.MustParseAddr(who.Forwarded)
				}
				container, err := host.AskAs(t.Context(), service, from)
				if errors.Is(err, fake.ErrTurnedAway) {
					return "", true, nil
				}
				return container, false, err
			},
			From: gateway,
			Hold: func(t *testing.T, service string) (string, func() error) {
				t.Helper()
				request, err := host.Open(service)
				if err != nil {
					t.Fatal(err)
				}
				return request.Container, request.Done
			},
		}
	})
}

func TestCommandsConform(t *testing.T) {
	conformance.Commands(t, synctest.Test, func(*testing.T) deploy.HostCommands { return fake.New().Commands })
}

func TestMigratorConforms(t *testing.T) {
	conformance.Migrator(t, synctest.Test, func(t *testing.T) conformance.MigratorSetup {
		older := release(t, strings.Replace(compose, `expose: ["8000"], x-deploy: {`, `expose: ["8000"], x-deploy: {migrations: django, `, 1))
		newer := *older
		newer.Version = "v2"
		host := newHost(older)
		additive := []deploy.Operation{{Name: "AddField", Reversal: deploy.Reversible, Survived: true, Needed: true}}
		var all []deploy.Migration
		for _, name := range []string{"0001_initial", "0002_price", "0003_weight"} {
			all = append(all, deploy.Migration{MigrationID: deploy.MigrationID{App: "shop", Name: name}, Operations: additive})
		}
		host.Django.Contained["v1"], host.Django.Contained["v2"] = all[:2], all
		return conformance.MigratorSetup{
			Migrator: host.Django, Older: older, Newer: &newer,
			Last: all[2].MigrationID, Before: deploy.MigrationID{App: "shop", Name: "0002"},
		}
	})
}
