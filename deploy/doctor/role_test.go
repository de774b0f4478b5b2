package doctor_test

import (
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

func TestRoles(t *testing.T) {
	for _, test := range []struct {
		image   string
		command []string
		ports   []string
		want    doctor.Role
	}{
		{image: "postgres:17", want: doctor.RoleDatabase},
		{image: "registry.example/shop/postgres@sha256:00", want: doctor.RoleDatabase},
		{image: "docker.io/postgis/postgis:17-3.5", want: doctor.RoleDatabase},
		{image: "shop/base:1", command: []string{"postgres", "-c", "max_connections=200"}, want: doctor.RoleDatabase},
		{image: "redis:8", want: doctor.RoleRedis},
		{image: "valkey/valkey:8", want: doctor.RoleRedis},
		{image: "shop/base:1", ports: []string{"6379"}, want: doctor.RoleRedis},
		{image: "shop/backend:v1", ports: []string{"8000"}},
		{image: "prometheuscommunity/postgres-exporter:v0.15"},
	} {
		if got := doctor.RoleOf(test.image, test.command, test.ports); got != test.want {
			t.Errorf("%s %v %v is %q, wanted %q", test.image, test.command, test.ports, got, test.want)
		}
	}
}
