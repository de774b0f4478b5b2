package system

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// replace puts a file in place whole: a temporary one beside it, on the disk,
// renamed over it, and the folder on the disk. Whoever reads, and whatever is
// interrupted, finds the old file or the new. The owner is left to whoever
// runs this where uid is negative.
func replace(path string, content io.Reader, mode os.FileMode, uid, gid int) error {
	temporary, err := beside(path, content, mode, uid, gid)
	if err != nil {
		return err
	}
	return moveInto(temporary, path)
}

// beside writes a file to the disk under a passing name in the folder of path.
func beside(path string, content io.Reader, mode os.FileMode, uid, gid int) (name string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, content)
	if uid >= 0 {
		err = errors.Join(err, file.Chown(uid, gid))
	}
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// moveInto renames a file that is on the disk, and brings that to the disk.
func moveInto(temporary, path string) error {
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
