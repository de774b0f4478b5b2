package image

import (
	"bytes"
	"cmp"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
)

// secrets reads the values that the build may mount. They go to BuildKit over
// the build's session, when a step asks, and nowhere else.
func secrets(project *types.Project, wanted []types.ServiceSecretConfig) (map[string][]byte, error) {
	values := map[string][]byte{}
	for _, one := range wanted {
		id := cmp.Or(one.Target, one.Source)
		secret, declared := project.Secrets[one.Source]
		value, err := []byte(nil), error(nil)
		switch {
		case !declared:
			return nil, fmt.Errorf("read secret %s: it is not declared under secrets", one.Source)
		case secret.Content != "":
			value = []byte(secret.Content)
		case secret.Environment != "":
			text, set := project.Environment[secret.Environment]
			if !set {
				return nil, fmt.Errorf("read secret %s: the variable %s is not set; export it or put it in .env", one.Source, secret.Environment)
			}
			value = []byte(text)
		case secret.File != "":
			if value, err = os.ReadFile(secret.File); err != nil {
				return nil, fmt.Errorf("read secret %s: %w", one.Source, err)
			}
		default:
			return nil, fmt.Errorf("read secret %s: a build takes secrets with file or environment", one.Source)
		}
		if len(value) > secretsprovider.MaxSecretSize {
			return nil, fmt.Errorf("read secret %s: it has %d bytes, BuildKit takes %d at most", one.Source, len(value), secretsprovider.MaxSecretSize)
		}
		values[id] = bytes.Clone(value)
	}
	return values, nil
}
