//go:build integration

package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
)

func TestThrowawayIsAlone(t *testing.T) {
	app := newApplication(t)
	must(t, os.WriteFile(filepath.Join(app.folder, "settings"), []byte("read"), 0o600))
	release := app.release(`
services:
  db:
    image: IMAGE
    environment: {NOTE: hello}
    volumes: ["data:/data", "./folder:/folder", "./settings:/etc/settings:ro"]
    ports: ["127.0.0.1::80"]
    restart: always
    healthcheck: {test: [CMD, /probe, say, ok]}
    networks: {back: {aliases: [database]}}
    secrets: [token]
networks: {back: {}}
volumes: {data: {}}
secrets: {token: {environment: API_TOKEN}}
`)
	config := release.Environment.Project.Services["db"]
	config.ContainerName = app.name + "-the-database"
	release.Environment.Project.Services["db"] = config
	serving := app.create(release, "db", 1)[0]

	name, remove, err := app.engine.Throwaway(t.Context(), release, "db")
	must(t, err)
	inspected, err := app.engine.inspect(t.Context(), name)
	must(t, err)
	host := inspected.HostConfig
	if host.NetworkMode != "none" || len(host.PortBindings) != 0 || host.Memory != throwawayMemory || !host.RestartPolicy.IsNone() || !inspected.State.Running {
		t.Errorf("network %q, ports %v, memory %d, restart %q, %s", host.NetworkMode, host.PortBindings, host.Memory, host.RestartPolicy.Name, inspected.State.Status)
	}
	var anonymous []string
	for _, one := range inspected.Mounts {
		switch one.Destination {
		case "/data", "/folder":
			if one.Type != mount.TypeVolume || len(one.Name) != 64 {
				t.Errorf("mounted %+v", one)
			}
			anonymous = append(anonymous, one.Name)
		case "/etc/settings":
			if one.RW {
				t.Errorf("mounted %+v", one)
			}
		}
	}
	if len(anonymous) != 2 {
		t.Errorf("mounts %+v", inspected.Mounts)
	}
	var out strings.Builder
	must(t, app.engine.Exec(t.Context(), name, []string{"/probe", "show", "/run/secrets/token"}, &out))
	if out.String() != "hunter2hunter2" || !strings.Contains(strings.Join(inspected.Config.Env, " "), "NOTE=hello") {
		t.Errorf("secret %q, environment %q", out.String(), inspected.Config.Env)
	}
	described := app.inspect(name)
	if !described.OneOff || !described.Ours || described.Service != "db" {
		t.Errorf("described %+v", described)
	}

	// The first is what a killed command has left.
	second, removeSecond, err := app.engine.Throwaway(t.Context(), release, "db")
	must(t, err)
	if left := app.observe(); len(left) != 2 || second == name {
		t.Errorf("there are %+v", left)
	}
	must(t, remove()) // it is gone already
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := app.engine.Throwaway(ctx, release, "db"); err == nil {
		t.Error("started after an interruption")
	}
	must(t, removeSecond())
	if left := app.observe(); len(left) != 1 || !left[0].Started.Equal(serving.Started) {
		t.Errorf("left %+v", left)
	}
	volumes, err := app.engine.docker.VolumeList(t.Context(), volume.ListOptions{Filters: filters.NewArgs(filters.Arg("dangling", "true"))})
	must(t, err)
	for _, one := range volumes.Volumes {
		for _, name := range anonymous {
			if one.Name == name {
				t.Errorf("volume %s is left", name)
			}
		}
	}
}
