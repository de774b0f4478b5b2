package session

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
	"github.com/freezedesign/webshop-deploy/deploy/image"
)

// lookAtHost looks at the disks and the processors.
func (s *Session) lookAtHost(ctx context.Context) (func(*doctor.Evidence), error) {
	folders := []string{s.Host.Store.Directory}
	root, err := s.Engine.Root(ctx)
	if err == nil && root != "" {
		folders = append(folders, root)
	}
	var disks []doctor.Disk
	seen := map[uint64]bool{}
	for _, folder := range folders {
		disk, number, diskErr := diskOf(folder)
		if diskErr != nil {
			err = errors.Join(err, diskErr)
			continue
		}
		if !seen[number] { // one disk is said once
			disks = append(disks, disk)
		}
		seen[number] = true
	}
	return func(e *doctor.Evidence) { e.Host.Disks, e.Host.CPUs = disks, runtime.NumCPU() }, err
}

// lookAtTakers looks what takes the disk, and what a prune would free.
func (s *Session) lookAtTakers(ctx context.Context) (func(*doctor.Evidence), error) {
	var prune int64
	if retention, err := s.Retention(ctx); err == nil {
		prune = s.Engine.SizeOf(ctx, retention.Images)
	}
	takers := []doctor.Taker{{What: "the deploy directory " + s.Host.Store.Directory, Bytes: sizeOf(ctx, s.Host.Store.Directory)}}
	takes, err := s.Engine.Takes(ctx, false)
	if err == nil {
		takers = append(takers,
			doctor.Taker{What: "images", Bytes: takes.Images},
			doctor.Taker{What: "images that no container uses", Bytes: takes.Idle, Fix: "docker image prune -a (the releases that are kept as well: then a rollback needs the registry)"},
			doctor.Taker{What: "the cache of builds", Bytes: takes.Cache, Fix: "docker builder prune"},
			doctor.Taker{What: "volumes", Bytes: takes.Volumes},
			doctor.Taker{What: "what containers have written", Bytes: takes.Containers},
		)
	}
	takers = slices.DeleteFunc(takers, func(t doctor.Taker) bool { return t.Bytes == 0 })
	slices.SortStableFunc(takers, func(a, b doctor.Taker) int { return int(b.Bytes>>10) - int(a.Bytes>>10) })
	return func(e *doctor.Evidence) { e.Host.Takes, e.Host.Prune = takers, prune }, err
}

// sizeOf sums the files of a folder, as far as there is time.
func sizeOf(ctx context.Context, folder string) int64 {
	var sum int64
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is not counted
		}
		if info, err := entry.Info(); err == nil && entry.Type().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// lookAtPorts looks who has the proxy's ports, where the proxy does not.
func (s *Session) lookAtPorts(ctx context.Context) (func(*doctor.Evidence), error) {
	if s.Model == nil {
		return nil, nil
	}
	taken, err := s.takenPorts(ctx)
	return func(e *doctor.Evidence) { e.Taken = taken }, err
}

// lookAtImages looks whether the images of the serving release are here, and
// whether those of the version that the last command wanted can be had.
func (s *Session) lookAtImages(ctx context.Context) (func(*doctor.Evidence), error) {
	serving, err := s.Host.Serving(ctx)
	if err != nil {
		return nil, nil //nolint:nilerr // which is a finding of its own
	}
	var lost []string
	if serving != nil {
		if lost, err = s.lost(ctx, serving); err != nil {
			return nil, err
		}
	}
	return func(e *doctor.Evidence) { e.Lost = lost }, nil
}

// lookAtWanted asks the registry for the images of a version that could not be
// had. None is asked for without such a failure: the login for it may be on a
// laptop only.
func (s *Session) lookAtWanted(ctx context.Context, command *doctor.Command) (func(*doctor.Evidence), error) {
	text := strings.Join(command.Lines, "\n")
	if command.Action != deploy.ActionPull && (command.Action != "" || !strings.Contains(text, "image")) || s.Model == nil {
		return nil, nil
	}
	environment, err := s.load(ctx, command.Version, s.Host.Variables)
	if err != nil {
		return nil, nil //nolint:nilerr // which is a finding of its own
	}
	for _, service := range environment.Services {
		if !strings.HasSuffix(service.Image, ":"+command.Version) {
			continue
		}
		if _, err := s.Images.Resolve(ctx, service.Image); err != nil {
			trouble := &doctor.ImageTrouble{Reference: service.Image, Kind: imageReason(err), Text: err.Error()}
			return func(e *doctor.Evidence) { e.Image = trouble }, nil
		}
	}
	if kind := reasonOf(text); kind != doctor.ImageOther && command.Action == deploy.ActionPull {
		// It can be had again by now, or only the engine's own way to it is barred.
		reference := environment.Services[0].Image
		trouble := &doctor.ImageTrouble{Reference: reference, Kind: kind, Text: text}
		return func(e *doctor.Evidence) { e.Image = trouble }, nil
	}
	return nil, nil
}

// imageReason tells by a registry's refusal what kind it is.
func imageReason(err error) doctor.ImageReason {
	switch text := err.Error(); {
	case errors.Is(err, image.ErrNotFound) && strings.Contains(text, "does not exist"), errors.Is(err, image.ErrNotFound) && strings.Contains(text, "has no tags"):
		return doctor.ImageNoRepository
	case errors.Is(err, image.ErrNotFound):
		return doctor.ImageNoTag
	case errors.Is(err, image.ErrUnauthorized):
		return doctor.ImageSignIn
	case errors.Is(err, image.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		return doctor.ImageUnreachable
	default:
		return reasonOf(text)
	}
}

// reasonOf tells it by the words of what was said of a pull.
func reasonOf(text string) doctor.ImageReason {
	for _, known := range []struct {
		words string
		kind  doctor.ImageReason
	}{
		{"does not let this host in", doctor.ImageSignIn}, {"asks for a login", doctor.ImageSignIn}, {"does not accept the login", doctor.ImageSignIn},
		{"lets nobody", doctor.ImageSignIn}, {"which may not read", doctor.ImageSignIn},
		{"has had too many requests", doctor.ImageLimited}, {"is asked too often", doctor.ImageLimited},
		{"is not trusted", doctor.ImageCertificate}, {"has no such image", doctor.ImageNoTag},
		{"cannot be reached", doctor.ImageUnreachable}, {"did not answer", doctor.ImageUnreachable}, {"dropped the connection", doctor.ImageUnreachable},
	} {
		if strings.Contains(text, known.words) {
			return known.kind
		}
	}
	return doctor.ImageOther
}
