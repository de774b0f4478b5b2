// Command probe runs what the tests of the package want on a virtual server.
//
//	probe setup|check OPTIONS    report each item as a line of JSON; the error follows on stderr
//	probe listen ADDRESS         listen until the end
//	probe args                   print the folder and each argument: what a deploy's binary is told
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy/system"
)

func main() {
	if err := probe(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func probe(args []string) error {
	switch args[0] {
	case "setup", "check":
		var options system.Options
		if err := json.Unmarshal([]byte(args[1]), &options); err != nil {
			return err
		}
		work := system.Check
		if args[0] == "setup" {
			work = system.Setup
		}
		out := json.NewEncoder(os.Stdout)
		out.SetEscapeHTML(false)
		return work(context.Background(), options, func(item system.Item) { _ = out.Encode(item) })
	case "listen":
		listener, err := net.Listen("tcp", args[1])
		if err != nil {
			return err
		}
		for {
			if _, err := listener.Accept(); err != nil {
				return err
			}
		}
	default:
		folder, err := os.Getwd()
		fmt.Printf("%s %q\n", folder, args)
		return err
	}
}
