package system

import (
	"fmt"
	"strings"
)

// mark begins the first comment of every file that Setup writes outside the
// deploy directory. A file without it is somebody else's, and stays.
const mark = "# webshop-deploy: "

// wrapperPath is where `mage` is found by whoever logs in.
const wrapperPath = "/usr/local/bin/mage"

// wrapper is the `mage` of a host: it runs the deploy directory's program in
// the deploy directory. Started in another deploy directory it takes that one,
// so that a host with several needs no further name.
func wrapper(directory string) string {
	return fmt.Sprintf(`#!/bin/sh
%[1]smage of %[2]s
# Written by host:setup, which replaces it when it was changed.
directory=%[2]s
if [ -x ./mage ] && [ -d ./.deploy ]; then
  directory=$PWD
fi
if ! cd "$directory" || ! [ -x ./mage ]; then
  echo "mage: $directory cannot be used by $(id -un): it is its owner's and the engine's group's" >&2
  exit 1
fi
exec ./mage "$@"
`, mark, directory)
}

// wrapperDirectory gives the deploy directory that a wrapper is for; empty
// where the text is not a wrapper of Setup's.
func wrapperDirectory(text string) string {
	for line := range strings.Lines(text) {
		if directory, ours := strings.CutPrefix(strings.TrimSpace(line), mark+"mage of "); ours {
			return directory
		}
	}
	return ""
}
