package session

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// candidate is one environment that this folder knows.
type candidate struct {
	name, file string
}

// candidates finds the environments' Compose files: in compose/ of a project,
// where a laptop has put them in a deploy directory, or in the folder itself,
// where that has the one of the release that serves.
func candidates(root string) []candidate {
	var found []candidate
	for _, pattern := range []string{"compose/docker-compose.*.yml", ".deploy/shipped/docker-compose.*.yml", "docker-compose.*.yml"} {
		files, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are good
		for _, file := range files {
			name := deploy.EnvironmentName(file)
			if !slices.ContainsFunc(found, func(c candidate) bool { return c.name == name }) {
				found = append(found, candidate{name: name, file: file})
			}
		}
	}
	return found
}

// Find finds the environment of that name, or the only one there is, and its
// Compose file.
func Find(root, name string) (found, file string, err error) {
	chosen, err := choose(root, name)
	return chosen.name, chosen.file, err
}

// InProject says whether a folder is a project's, which has its environments in
// compose/, and not a deploy directory.
func InProject(root, name string) bool {
	_, err := os.Stat(filepath.Join(root, "compose", "docker-compose."+name+".yml"))
	return err == nil
}

// choose finds the environment of that name; without one, the only one that
// is deployed on this machine.
func choose(root, name string) (candidate, error) {
	all := candidates(root)
	if _, err := os.Stat(filepath.Join(root, ".deploy")); len(all) == 0 && err == nil {
		return candidate{}, usage("nothing was deployed to %s yet", root)
	}
	if len(all) == 0 {
		return candidate{}, usage("no environment: neither compose/docker-compose.<environment>.yml nor docker-compose.<environment>.yml is in %s", root)
	}
	if name != "" {
		at := slices.IndexFunc(all, func(c candidate) bool { return c.name == name })
		if at < 0 {
			return candidate{}, usage("no environment %s: compose/docker-compose.%s.yml is missing; there are %s", name, name, names(all))
		}
		return all[at], nil
	}
	var deployed []candidate
	for _, c := range all {
		if directory, err := directoryOf(root, c); err == nil {
			if _, err := os.Stat(filepath.Join(directory, ".deploy", "current")); err == nil {
				deployed = append(deployed, c)
			}
		}
	}
	if len(deployed) == 1 {
		return deployed[0], nil
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return candidate{}, usage("which environment? say -env=NAME, one of %s", names(all))
}

// directoryOf is the deploy directory of an environment, absolute.
func directoryOf(root string, c candidate) (string, error) {
	directory, err := deploy.DirectoryOf(c.file)
	if err != nil {
		return "", err
	}
	if directory == "" {
		directory = "."
	}
	if !filepath.IsAbs(directory) {
		directory = filepath.Join(root, directory)
	}
	return directory, nil
}

func names(all []candidate) string {
	var list []string
	for _, c := range all {
		list = append(list, c.name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func usage(format string, args ...any) error {
	return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf(format, args...)}
}
