package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// folderLimit is the most that others may do with the deploy directory and
	// its .deploy, which the deploy's own store makes like this too.
	folderLimit = 0o750
	// secretLimit is the same for the file with the secrets.
	secretLimit = 0o600
	// ownerNeeds is what the owner has to be able to do with a folder.
	ownerNeeds = 0o700
)

// misfit is something in the deploy directory that is to be different.
type misfit struct {
	path string
	// missing folders are made.
	missing bool
	uid     int
	// gid is -1 where the group does not matter.
	gid  int
	mode os.FileMode
	why  string
}

// misfits compares the deploy directory with how it has to be: the owner's, so
// that it can write there without being root; readable by the engine's group
// and by nobody else. Below .deploy everything has to be the owner's, or what
// a `sudo mage` once wrote there stops the next deploy. The groups there are
// left alone: the proxy's folder has one of its own. So are sockets, which are
// the proxy's.
func (h *host) misfits(owner account, group int) ([]misfit, error) {
	top := h.path(h.options.Directory)
	inner := filepath.Join(top, ".deploy")
	var found []misfit
	add := func(one *misfit, err error) error {
		if one != nil {
			if one.missing && one.gid < 0 {
				one.gid = owner.gid // as if the owner had made it
			}
			found = append(found, *one)
		}
		return err
	}
	err := errors.Join(
		add(compare(top, owner.uid, group, folderLimit, true)),
		add(compare(inner, owner.uid, -1, folderLimit, true)),
		add(compare(filepath.Join(top, ".env"), owner.uid, -1, secretLimit, false)),
	)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(inner, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a deploy beside this renames its files
		}
		if err != nil || path == inner || entry.Type()&fs.ModeSocket != 0 {
			return err
		}
		return add(compare(path, owner.uid, -1, fs.ModePerm, false))
	})
	return found, err
}

// compare finds what is wrong with one file or folder; nil where nothing is.
// Permissions may be narrower than the limit, as long as the owner can work.
func compare(path string, uid, gid int, limit os.FileMode, needed bool) (*misfit, error) {
	look := os.Lstat
	if needed {
		look = os.Stat // these may be links to where there is room
	}
	stat, err := look(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !needed {
			return nil, nil
		}
		return &misfit{path: path, missing: true, uid: uid, gid: gid, mode: limit, why: "is missing"}, nil
	}
	if err != nil {
		return nil, err
	}
	if needed && !stat.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", path)
	}
	wrong := misfit{path: path, uid: uid, gid: gid, mode: stat.Mode()}
	hasUID, hasGID := ownerOf(stat)
	var why []string
	if hasUID != uid || gid >= 0 && hasGID != gid {
		why = append(why, fmt.Sprintf("belongs to %d:%d", hasUID, hasGID))
	}
	mode := stat.Mode().Perm() & limit
	if needed {
		mode |= ownerNeeds
	}
	if stat.Mode()&fs.ModeSymlink == 0 && mode != stat.Mode().Perm() {
		wrong.mode = stat.Mode()&^fs.ModePerm | mode
		why = append(why, fmt.Sprintf("has mode %#o", stat.Mode().Perm()))
	}
	if len(why) == 0 {
		return nil, nil
	}
	wrong.why = strings.Join(why, " and ")
	return &wrong, nil
}

// fit makes it as it has to be.
func (m misfit) fit() error {
	if m.missing {
		if err := os.MkdirAll(filepath.Dir(m.path), 0o755); err != nil {
			return err
		}
		if err := os.Mkdir(m.path, m.mode); err != nil {
			return err
		}
	}
	chown := os.Lchown
	if m.mode.IsDir() || m.missing {
		chown = os.Chown
	}
	if err := chown(m.path, m.uid, m.gid); err != nil {
		return err
	}
	if m.mode&fs.ModeSymlink != 0 {
		return nil
	}
	// Also where it was right: a new owner can cost bits of it (chown(2)).
	return os.Chmod(m.path, m.mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky))
}

func (h *host) findMisfits(ctx context.Context) ([]misfit, error) {
	owner, err := h.account(ctx)
	if err != nil {
		return nil, err
	}
	group, _, err := h.engineGroup()
	if err != nil && h.engine != nil {
		return nil, err
	}
	if err != nil {
		group = -1 // there is no engine yet whose group it could be
	}
	return h.misfits(owner, group)
}

func (h *host) lookDirectory(ctx context.Context) Item {
	item := Item{Name: itemDirectory, State: Already, Text: h.options.Directory + ", " + h.options.Owner + "'s"}
	found, err := h.findMisfits(ctx)
	if err != nil {
		return failed(itemDirectory, err)
	}
	if len(found) > 0 {
		item.State, item.Text = Missing, found[0].path+" "+found[0].why
		if len(found) > 1 {
			item.Text += fmt.Sprintf(", and %d more", len(found)-1)
		}
		item.Hint = "host:setup puts that right."
	}
	return item
}

func (h *host) makeDirectory(ctx context.Context) (string, error) {
	found, err := h.findMisfits(ctx)
	if err != nil {
		return "", err
	}
	for _, one := range found {
		if err := one.fit(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("prepare the deploy directory: %w", err)
		}
	}
	return "", nil
}
