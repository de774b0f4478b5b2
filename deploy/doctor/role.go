package doctor

import (
	"path"
	"slices"
	"strings"
)

// Role is what a service is to the others, where the doctor knows its kind.
type Role string

// The roles.
const (
	RoleNone     Role = ""
	RoleDatabase Role = "database"
	RoleRedis    Role = "redis"
)

// RoleOf tells Postgres and Redis by what their services say: the image, the
// command, the port.
func RoleOf(image string, command []string, ports []string) Role {
	name, _, _ := strings.Cut(image, "@")
	name, _, _ = strings.Cut(path.Base(name), ":")
	program := ""
	if len(command) > 0 {
		program = path.Base(command[0])
	}
	switch {
	case program == "postgres", named(name, "postgres", "postgresql", "postgis", "timescaledb", "pgvector"):
		return RoleDatabase
	case program == "redis-server", program == "valkey-server", named(name, "redis", "valkey", "redis-stack-server"):
		return RoleRedis
	case slices.Contains(ports, "5432"):
		return RoleDatabase
	case slices.Contains(ports, "6379"):
		return RoleRedis
	}
	return RoleNone
}

// named says whether an image is called so, alone or as a part: "my-postgres".
func named(image string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return image == name || strings.HasSuffix(image, "-"+name)
	})
}
