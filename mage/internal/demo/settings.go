package demo

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

// settings tell one demonstration from another on the same machine. They come
// from the process's environment once, and then from the .env of its folder,
// so that every later command means the same demonstration.
type settings struct {
	// project is the Compose project.
	project string
	// registry is where its own registry listens, on loopback.
	registry string
	// directory is its folder.
	directory string
}

const (
	usualProject  = "webshop-demo"
	usualRegistry = "127.0.0.1:5005"
)

// readSettings reads the settings of the demonstration of a clone.
func readSettings(root string) (settings, error) {
	s := settings{directory: filepath.Join(root, ".demo")}
	kept := map[string]string{"DEMO_PROJECT": os.Getenv("DEMO_PROJECT"), "DEMO_REGISTRY": os.Getenv("DEMO_REGISTRY")}
	content, err := os.ReadFile(s.envPath())
	if err == nil {
		kept, err = dotenv.UnmarshalBytesWithLookup(content, nil)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("read the demonstration's settings: %w", err)
	}
	s.project = cmp.Or(kept["DEMO_PROJECT"], usualProject)
	s.registry = cmp.Or(kept["DEMO_REGISTRY"], usualRegistry)
	return s, nil
}

func (s settings) envPath() string { return filepath.Join(s.directory, ".env") }

// images is how the references of its images begin.
func (s settings) images() string { return s.registry + "/" + s.project }

// write writes the demonstration's .env, unless it is there: its passwords are
// in the database's volume.
func (s settings) write() error {
	if _, err := os.Stat(s.envPath()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(s.directory, 0o750); err != nil {
		return fmt.Errorf("make the demonstration's folder: %w", err)
	}
	content := strings.Join([]string{
		"# The demonstration's own settings; `mage demo -down` removes them.",
		"DEMO_PROJECT=" + s.project,
		"DEMO_REGISTRY=" + s.registry,
		"REGISTRY=" + s.images(),
		"BASE_VERSION=1",
		"BACKEND_PORT=" + cmp.Or(os.Getenv("BACKEND_PORT"), "8000"),
		"FRONTEND_PORT=" + cmp.Or(os.Getenv("FRONTEND_PORT"), "3000"),
		"POSTGRES_PASSWORD=" + secret(),
		"SECRET_KEY=" + secret(),
		"",
	}, "\n")
	if err := os.WriteFile(s.envPath(), []byte(content), 0o600); err != nil {
		return fmt.Errorf("write the demonstration's settings: %w", err)
	}
	return nil
}

func secret() string {
	bytes := make([]byte, 24)
	_, _ = rand.Read(bytes) // never fails, as crypto/rand says
	return hex.EncodeToString(bytes)
}
