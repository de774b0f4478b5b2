package engine

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
)

// file is a secret or a config of a service and where its content comes from.
type file struct {
	types.FileReferenceConfig
	source types.FileObjectConfig
	kind   string
	mode   int64
}

// putFiles copies those secrets and configs of a service into a container that
// has not started whose content stands in the Compose file or in a variable.
// Compose mounts those that are files, at creation; these it puts there when
// it starts a container (pkg/compose/secrets.go), and so does this.
func (e *Engine) putFiles(ctx context.Context, project *types.Project, service types.ServiceConfig, id string) error {
	for _, one := range filesOf(project, service) {
		content := one.source.Content
		if content == "" && one.source.Environment != "" {
			value, ok := project.Environment[one.source.Environment]
			if !ok {
				return fmt.Errorf("%s %s needs the variable %s, which is not set", one.kind, one.Source, one.source.Environment)
			}
			content = value
		}
		if content == "" {
			continue
		}
		if service.ReadOnly {
			return fmt.Errorf("%s %s cannot be put into the read-only service %s; make it a file", one.kind, one.Source, service.Name)
		}
		archive, err := one.archive(content)
		if err != nil {
			return fmt.Errorf("pack %s %s: %w", one.kind, one.Source, err)
		}
		options := container.CopyToContainerOptions{CopyUIDGID: one.UID != "" || one.GID != ""}
		if err := e.docker.CopyToContainer(ctx, id, "/", archive, options); err != nil {
			return fmt.Errorf("copy %s %s into the container: %w", one.kind, one.Source, err)
		}
	}
	return nil
}

func filesOf(project *types.Project, service types.ServiceConfig) []file {
	var files []file
	for _, secret := range service.Secrets {
		one := file{types.FileReferenceConfig(secret), types.FileObjectConfig(project.Secrets[secret.Source]), "secret", 0o444}
		one.Target = cmp.Or(one.Target, one.Source)
		if !path.IsAbs(one.Target) {
			one.Target = path.Join("/run/secrets", one.Target)
		}
		files = append(files, one)
	}
	for _, config := range service.Configs {
		one := file{types.FileReferenceConfig(config), types.FileObjectConfig(project.Configs[config.Source]), "config", 0o444}
		one.Target = path.Join("/", cmp.Or(one.Target, one.Source))
		files = append(files, one)
	}
	for at := range files {
		if files[at].Mode != nil {
			files[at].mode = int64(*files[at].Mode)
		}
	}
	return files
}

func (f file) archive(content string) (*bytes.Buffer, error) {
	uid, err := strconv.Atoi(cmp.Or(f.UID, "0"))
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(cmp.Or(f.GID, "0"))
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	header := &tar.Header{
		Name: strings.TrimPrefix(f.Target, "/"), Size: int64(len(content)), Mode: f.mode,
		ModTime: time.Now(), Uid: uid, Gid: gid,
	}
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write([]byte(content)); err != nil {
		return nil, err
	}
	return &buffer, writer.Close()
}
