// Command probe is what the engine's tests run in an otherwise empty image.
//
//	probe serve             print "ready" and end on SIGTERM; with STUBBORN set, never
//	probe say OUT ERR CODE  print to both streams and exit with the status
//	probe show FILE         print a file
//	probe lines N           print N lines
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
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
	case "lines":
		count, _ := strconv.Atoi(os.Args[2])
		for n := range count {
			fmt.Println("line", n+1)
		}
	}
}
