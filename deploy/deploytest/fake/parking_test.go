package fake_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
)

// keeping is the project with a service that has something to keep.
const keeping = compose + `  keeper:
    image: "web:1"
    ports: ["8099:80"]
    volumes: ["/anonymous", "named:/named"]
    healthcheck: {test: [CMD, check]}
volumes: {named: {}}
`

func TestParkingConforms(t *testing.T) {
	conformance.Parking(t, synctest.Test, func(t *testing.T) conformance.ParkingSetup {
		made := release(t, keeping)
		host := newHost(made)
		return conformance.ParkingSetup{
			EngineSetup: conformance.EngineSetup{
				Engine: host.Engine, Release: made, Web: "web",
				Changed: release(t, strings.Replace(keeping, `"web:1", expose`, `"web:1", environment: {LEVEL: "2"}, expose`, 1)),
			},
			Parking: host.Engine, Keeper: "keeper",
		}
	})
}
