//go:build integration

package mage_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := deploytest.CleanUp(); err != nil {
		fmt.Fprintln(os.Stderr, "clean up:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}
