package binary

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// compile compiles the magefile and puts it on the shelf. The lock is held.
//
// It is compiled in a copy of its sources. Mage writes a file of its own,
// always of the same name, beside the magefile: another mage that starts in
// the project at the same time would pull it away, and whoever looks for
// uncommitted files would find it. In a copy, also, what is compiled is what
// was hashed, whatever is saved in an editor meanwhile.
func compile(ctx context.Context, s *shelf, tools toolchain) (Compiled, error) {
	made, err := tools.sources(ctx)
	if err != nil {
		return Compiled{}, err
	}
	recipe, err := tools.recipe(ctx)
	if err != nil {
		return Compiled{}, err
	}
	workshop, err := s.workshop()
	if err != nil {
		return Compiled{}, err
	}
	defer os.RemoveAll(workshop)
	copied, output := filepath.Join(workshop, "source"), filepath.Join(workshop, "mage")
	digest, err := made.digest(s.root, recipe, write(copied))
	if err != nil {
		return Compiled{}, err
	}
	if err := tools.compile(ctx, copied, output); err != nil {
		return Compiled{}, err
	}
	if err := os.Chmod(output, 0o755); err != nil {
		return Compiled{}, fmt.Errorf("keep the compiled magefile: %w", err)
	}
	compiled, err := s.put(output, label{Sources: made, Digest: digest})
	if err == nil {
		s.sweep()
	}
	return compiled, err
}
