//go:build integration

package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
)

// keeping is the project with a service that has something to keep, in two
// networks.
const keeping = conforming + `
  second: {labels: {LABEL: PROJECT}}
volumes: {named: {labels: {LABEL: PROJECT}}}
`

const keeper = `services:
  keeper:
    image: IMAGE
    command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']
    ports: ["127.0.0.1:PORT:80"]
    volumes: ["/anonymous", "named:/named"]
    networks: {default: {}, second: {aliases: [other]}}
    stop_grace_period: 7s
    healthcheck: {test: [CMD, "true"]}
    labels: {LABEL: PROJECT}
`

func TestParkingConforms(t *testing.T) {
	docker := deploytest.Engine(t)
	registry := deploytest.NewRegistry(t, docker)
	image := shellImage(t, docker, registry.Address+"/parking:1")
	conformance.Parking(t, conformance.Plainly, func(t *testing.T) conformance.ParkingSetup {
		engine := openEngine(t)
		name := "engine-test-" + strings.ToLower(rand.Text()[:8])
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
			defer cancel()
			if err := deploytest.Sweep(ctx, docker, name); err != nil {
				t.Error(err)
			}
		})
		compose := strings.Replace(keeping, "networks: {default: {labels: {LABEL: PROJECT}}}", "networks:\n  default: {labels: {LABEL: PROJECT}}", 1)
		compose = strings.Replace(compose, "services:\n", keeper, 1)
		compose = strings.NewReplacer("PROJECT", name, "IMAGE", image.Pinned(), "LABEL", deploytest.Label,
			"PORT", fmt.Sprint(deploytest.FreePorts(t, 1)[0])).Replace(compose)
		return conformance.ParkingSetup{
			EngineSetup: conformance.EngineSetup{
				Engine: engine, Release: loaded(t, compose, image), Web: "web",
				Changed: loaded(t, strings.Replace(compose, `LEVEL: "1"`, `LEVEL: "2"`, 1), image),
			},
			Parking: engine, Keeper: "keeper",
		}
	})
}
