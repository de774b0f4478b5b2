package main

import (
	"fmt"
	"io"
	"strconv"
)

// repeat says to stdout the release, who it is, each word in a line, and what
// stdin has, a word to stderr, and exits with the status that it is told.
func repeat(args []string, s Settings, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "echo: which status?")
		return exitUsage
	}
	status, err := strconv.Atoi(args[0])
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	fmt.Fprintf(stdout, "release %s\nidentity %s\n", s.Release, s.Identity)
	for _, word := range args[1:] {
		fmt.Fprintln(stdout, word)
	}
	fmt.Fprintln(stderr, "to stderr")
	if _, err := io.Copy(stdout, stdin); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return status
}
