// Package reference writes what people look up from the code that decides it:
// the targets, the keys of x-deploy and the exit statuses for docs/reference.md,
// and the keys again as a JSON Schema, with which editors complete and check
// Compose files. Its test keeps both as the code is, and writes them anew:
//
//	go test ./mage/internal/reference -update
package reference

import (
	"context"
	"path/filepath"
)

// The files that are written, below the project's root.
const (
	Manual = "docs/reference.md"
	Schema = "compose/schema/x-deploy.json"
)

// Files gives the content of each file, by its path below the project's root.
func Files(ctx context.Context, root string) (map[string][]byte, error) {
	written, err := readSource(filepath.Join(root, "deploy"))
	if err != nil {
		return nil, err
	}
	extension, err := readExtension(ctx, written)
	if err != nil {
		return nil, err
	}
	groups, err := readTargets(filepath.Join(root, "mage"))
	if err != nil {
		return nil, err
	}
	statuses, err := written.statuses()
	if err != nil {
		return nil, err
	}
	schema, err := newSchema(extension).encode()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		Manual: manual(groups, extension, statuses),
		Schema: schema,
	}, nil
}
