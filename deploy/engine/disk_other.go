//go:build !unix

package engine

import "errors"

func freeSpace(string) (uint64, error) {
	return 0, errors.New("a release is rolled out on Linux hosts")
}
