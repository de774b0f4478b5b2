package binary

import (
	"debug/buildinfo"
	"fmt"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// running gives the executable that runs, where it is what a host needs.
func running(goal target, missing string) (Compiled, error) {
	path, err := os.Executable()
	if err != nil {
		return Compiled{}, fmt.Errorf("find the running executable: %w", err)
	}
	if why := unfit(path, goal); why != "" {
		return Compiled{}, &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("compile the magefile for %s: %s, and what runs here cannot be used: it %s", goal, missing, why),
			Hint:   "Install Go from https://go.dev/dl and run this in a clone of the project, or run a magefile made by `mage -compile` for that platform.",
		}
	}
	hash, size, err := weigh(path)
	if err != nil {
		return Compiled{}, fmt.Errorf("read the running executable: %w", err)
	}
	return Compiled{Path: path, SHA256: hash, Size: size}, nil
}

// unfit says why an executable is no static magefile for a platform.
func unfit(path string, goal target) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "does not say how it was built"
	}
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	made := target{system: settings["GOOS"], machine: settings["GOARCH"]}
	switch {
	case info.Path != "command-line-arguments": // what mage compiles has no package of its own
		return "is not a compiled magefile"
	case made != goal:
		return "is for " + made.String()
	case settings["CGO_ENABLED"] != "0":
		return "needs the C library of this machine"
	}
	return ""
}
