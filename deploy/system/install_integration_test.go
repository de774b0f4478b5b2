//go:build integration

package system_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/system"
)

// TestAnEngineIsInstalled prepares a bare Debian. A container may not run an
// engine without privileges, so that what the setup says of that is seen too.
func TestAnEngineIsInstalled(t *testing.T) {
	deploytest.Base(t)
	options, err := json.Marshal(system.Options{
		Directory: "/opt/shop", Environment: "test", Owner: "root", Binary: probePath, Project: "shop",
	})
	if err != nil {
		t.Fatal(err)
	}
	output := runBare(t, `exec 2>&1; `+probePath+` check "$OPTIONS"; echo == the check ends; `+
		probePath+` setup "$OPTIONS"; echo == the setup ends; dockerd --version; docker --version`, "OPTIONS="+string(options))
	t.Logf("%s", output)
	check, rest, _ := strings.Cut(output, "== the check ends\n")
	setup, versions, _ := strings.Cut(rest, "== the setup ends\n")

	checked := readOutcome(t, check, 1)
	checked.want(map[string]system.State{
		"distribution": system.Already, "Docker engine": system.Missing, "log rotation": system.Missing, "deploy directory": system.Missing,
	})
	checked.says("Docker engine", "is not installed")
	made := readOutcome(t, setup, 1)
	made.want(map[string]system.State{"distribution": system.Already, "Docker engine": system.Failed})
	made.says("Docker engine", "install the engine: The Docker engine is installed but does not answer", "The end of what was printed:\n")
	if last := made.order[len(made.order)-1]; last != "Docker engine" || !strings.Contains(made.said, "the host is not ready: Docker engine") {
		t.Errorf("without an engine it went on to %s, and says %s", last, made.said)
	}
	if strings.Count(versions, "Docker version") != 2 {
		t.Errorf("not both installed: %s", versions)
	}
}

// runBare runs a script in a container of the base image that has the probe,
// and gives what it printed.
func runBare(t *testing.T, script, variable string) string {
	t.Helper()
	docker := deploytest.Engine(t)
	created, err := docker.ContainerCreate(t.Context(), &container.Config{
		Image: "debian:trixie-slim", Cmd: []string{"sh", "-c", script}, Env: []string{variable},
		Labels: map[string]string{deploytest.Label: t.Name()},
	}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := deploytest.Sweep(context.WithoutCancel(t.Context()), docker, t.Name()); err != nil {
			t.Error(err)
		}
	})
	giveProbe(t, docker, created.ID)
	if err := docker.ContainerStart(t.Context(), created.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	logs, err := docker.ContainerLogs(t.Context(), created.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	var output bytes.Buffer
	if _, err := stdcopy.StdCopy(&output, &output, logs); err != nil {
		t.Fatal(err)
	}
	return output.String()
}

func giveProbe(t *testing.T, docker *client.Client, id string) {
	t.Helper()
	content, err := os.ReadFile(probeFile(t))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	_ = writer.WriteHeader(&tar.Header{Name: strings.TrimPrefix(probePath, "/"), Mode: 0o755, Size: int64(len(content))}) // into memory
	_, _ = writer.Write(content)                                                                                          // as above
	_ = writer.Close()
	if err := docker.CopyToContainer(t.Context(), id, "/", &archive, container.CopyToContainerOptions{}); err != nil {
		t.Fatal(err)
	}
}
