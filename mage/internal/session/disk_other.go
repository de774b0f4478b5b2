//go:build !unix

package session

import (
	"errors"

	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

func diskOf(string) (doctor.Disk, uint64, error) {
	return doctor.Disk{}, 0, errors.New("the free space is not known on this system")
}
