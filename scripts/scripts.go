// Package scripts carries the project's shell scripts, for programs that run
// where the project's folder is not.
package scripts

import _ "embed" // for the scripts below

// InstallDocker installs a Docker engine, or starts one that is installed. It
// is bash's.
//
//go:embed install-docker.sh
var InstallDocker string
