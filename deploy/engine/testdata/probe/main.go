// Command probe is what the engine's tests run in an otherwise empty image.
//
//	probe serve             print "ready" and end on SIGTERM; with STUBBORN set, never
//	probe say OUT ERR CODE  print to both streams and exit with the status
//	probe show FILE         print a file
//	probe lines N           print N lines
//	probe burn MB           keep one core busy, and so much memory
//	probe echo CODE         say what stdin and its terminal are, copy stdin, and exit with the status
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/term"
)

func main() {
	switch os.Args[1] {
	case "serve":
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("ready", os.Getenv("NOTE"))
		for range signals {
			if os.Getenv("STUBBORN") == "" {
				fmt.Println("bye")
				return
			}
		}
	case "say":
		fmt.Println(os.Args[2])
		fmt.Fprintln(os.Stderr, os.Args[3])
		code, _ := strconv.Atoi(os.Args[4])
		os.Exit(code)
	case "show":
		content, err := os.ReadFile(os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.Write(content)
	case "burn":
		megabytes, _ := strconv.Atoi(os.Args[2])
		held := make([]byte, megabytes<<20)
		for pass := 0; ; pass++ {
			for at := range held {
				held[at]++
			}
			if pass == 0 {
				fmt.Println("burning")
			}
		}
	case "echo":
		echo()
	case "lines":
		count, _ := strconv.Atoi(os.Args[2])
		for n := range count {
			fmt.Println("line", n+1)
		}
	}
}

// echo copies stdin; on a terminal it says each of its sizes.
func echo() {
	if term.IsTerminal(0) {
		resized := make(chan os.Signal, 8)
		signal.Notify(resized, syscall.SIGWINCH)
		say := func() {
			width, height, _ := term.GetSize(0)
			fmt.Printf("terminal of %dx%d\n", width, height)
		}
		say()
		go func() {
			for range resized {
				say()
			}
		}()
	} else {
		fmt.Println("no terminal")
	}
	fmt.Fprintln(os.Stderr, "to stderr")
	io.Copy(os.Stdout, os.Stdin)
	code, _ := strconv.Atoi(os.Args[2])
	os.Exit(code)
}
