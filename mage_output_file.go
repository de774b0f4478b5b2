//go:build ignore
// +build ignore

package main

import (
	_context "context"
	_flag "flag"
	_fmt "fmt"
	_io "io"
	_log "log"
	_os "os"
	_signal "os/signal"
	_filepath "path/filepath"
	_sort "sort"
	_strconv "strconv"
	_strings "strings"
	_syscall "syscall"
	_tabwriter "text/tabwriter"
	_time "time"
	mage_mageimport "github.com/freezedesign/webshop-deploy/mage"
	
)

func main() {
	// Use local types and functions in order to avoid name conflicts with additional magefiles.
	type arguments struct {
		Verbose       bool          // print out log statements
		List          bool          // print out a list of targets
		Help          bool          // print out help for a specific target
		Timeout       _time.Duration // set a timeout to running the targets
		Args          []string      // args contain the non-flag command-line arguments
	}

	parseBool := func(env string) bool {
		val := _os.Getenv(env)
		if val == "" {
			return false
		}		
		b, err := _strconv.ParseBool(val)
		if err != nil {
			_log.Printf("warning: environment variable %s is not a valid bool value: %v", env, val)
			return false
		}
		return b
	}

	parseDuration := func(env string) _time.Duration {
		val := _os.Getenv(env)
		if val == "" {
			return 0
		}		
		d, err := _time.ParseDuration(val)
		if err != nil {
			_log.Printf("warning: environment variable %s is not a valid duration value: %v", env, val)
			return 0
		}
		return d
	}
	args := arguments{}
	fs := _flag.FlagSet{}
	fs.SetOutput(_os.Stdout)

	// default flag set with ExitOnError and auto generated PrintDefaults should be sufficient
	fs.BoolVar(&args.Verbose, "v", parseBool("MAGEFILE_VERBOSE"), "show verbose output when running targets")
	fs.BoolVar(&args.List, "l", parseBool("MAGEFILE_LIST"), "list targets for this binary")
	fs.BoolVar(&args.Help, "h", parseBool("MAGEFILE_HELP"), "print out help for a specific target")
	fs.DurationVar(&args.Timeout, "t", parseDuration("MAGEFILE_TIMEOUT"), "timeout in duration parsable format (e.g. 5m30s)")
	fs.Usage = func() {
		_fmt.Fprintf(_os.Stdout, `
%s [options] [target]

Commands:
  -l    list targets in this binary
  -h    show this help

Options:
  -h    show description of a target
  -t <string>
        timeout in duration parsable format (e.g. 5m30s)
  -v    show verbose output when running targets
 `[1:], _filepath.Base(_os.Args[0]))
	}
	if err := fs.Parse(_os.Args[1:]); err != nil {
		// flag will have printed out an error already.
		return
	}
	args.Args = fs.Args()
	if args.Help && len(args.Args) == 0 {
		fs.Usage()
		return
	}
		
	var printName = func(str string) string {
	// color is ANSI color type
	type color int

	// If you add/change/remove any items in this constant,
	// you will need to run "stringer -type=color" in this directory again.
	// NOTE: Please keep the list in an alphabetical order.
	const (
		black color = iota
		red
		green
		yellow
		blue
		magenta
		cyan
		white
		brightblack
		brightred
		brightgreen
		brightyellow
		brightblue
		brightmagenta
		brightcyan
		brightwhite
	)

	// AnsiColor are ANSI color codes for supported terminal colors.
	var ansiColor = map[color]string{
		black:         "\u001b[30m",
		red:           "\u001b[31m",
		green:         "\u001b[32m",
		yellow:        "\u001b[33m",
		blue:          "\u001b[34m",
		magenta:       "\u001b[35m",
		cyan:          "\u001b[36m",
		white:         "\u001b[37m",
		brightblack:   "\u001b[30;1m",
		brightred:     "\u001b[31;1m",
		brightgreen:   "\u001b[32;1m",
		brightyellow:  "\u001b[33;1m",
		brightblue:    "\u001b[34;1m",
		brightmagenta: "\u001b[35;1m",
		brightcyan:    "\u001b[36;1m",
		brightwhite:   "\u001b[37;1m",
	}

	const colorName = "blackredgreenyellowbluemagentacyanwhitebrightblackbrightredbrightgreenbrightyellowbrightbluebrightmagentabrightcyanbrightwhite"

	var colorIndex = [...]uint8{0, 5, 8, 13, 19, 23, 30, 34, 39, 50, 59, 70, 82, 92, 105, 115, 126}

	colorToLowerString := func(i color) string {
		if i < 0 || i >= color(len(colorIndex)-1) {
			return "color(" + _strconv.FormatInt(int64(i), 10) + ")"
		}
		return colorName[colorIndex[i]:colorIndex[i+1]]
	}

	// ansiColorReset is an ANSI color code to reset the terminal color.
	const ansiColorReset = "\033[0m"

	// defaultTargetAnsiColor is a default ANSI color for colorizing targets.
	// It is set to Cyan as an arbitrary color, because it has a neutral meaning
	var defaultTargetAnsiColor = ansiColor[cyan]

	getAnsiColor := func(color string) (string, bool) {
		colorLower := _strings.ToLower(color)
		for k, v := range ansiColor {
			colorConstLower := colorToLowerString(k)
			if colorConstLower == colorLower {
				return v, true
			}
		}
		return "", false
	}

	// Terminals which  don't support color:
	//
	//	TERM=vt100
	//	TERM=cygwin
	//	TERM=xterm-mono
	var noColorTerms = map[string]bool{
		"vt100":      false,
		"cygwin":     false,
		"xterm-mono": false,
	}

	// terminalSupportsColor checks if the current console supports color output
	//
	// Supported:
	//
	//	linux, mac, or windows's ConEmu, Cmder, putty, git-bash.exe, pwsh.exe
	//
	// Not supported:
	//
	//	windows cmd.exe, powerShell.exe
	terminalSupportsColor := func() bool {
		envTerm := _os.Getenv("TERM")
		if _, ok := noColorTerms[envTerm]; ok {
			return false
		}
		return true
	}

	// enableColor reports whether the user has requested to enable a color output.
	enableColor := func() bool {
		b, _ := _strconv.ParseBool(_os.Getenv("MAGEFILE_ENABLE_COLOR"))
		return b
	}

	// targetColor returns the ANSI color which should be used to colorize targets.
	targetColor := func() string {
		s, exists := _os.LookupEnv("MAGEFILE_TARGET_COLOR")
		if exists {
			if c, ok := getAnsiColor(s); ok {
				return c
			}
		}
		return defaultTargetAnsiColor
	}

	// store the color terminal variables, so that the detection isn't repeated for each target
	var enableColorValue = enableColor() && terminalSupportsColor()
	var targetColorValue = targetColor()

	if enableColorValue {
		return _fmt.Sprintf("%s%s%s", targetColorValue, str, ansiColorReset)
	}

	return str
}


	list := func() error {
		_fmt.Println(`Build, push, roll out and roll back the webshop's environments.
`)
		targets := map[string]string{
			"backup:check": "says whether the backups can be relied on.",
			"backup:drill": "restores a backup into a throw-away Postgres, and compares.",
			"backup:forget": "drops a database that a restore has put aside.",
			"backup:list": "shows the backups that there are.",
			"backup:restore": "brings a backup back in the place of the database that serves.",
			"backup:swapBack": "returns to a database that a restore has put aside.",
			"backup:take": "streams a backup into the bucket while the database serves.",
			"deploy:follow": "shows the deploy that is running, or the last one, to its end.",
			"deploy:here": "rolls a version out on this machine, without losing a request.",
			"deploy:plan": "prints what a deploy of a version that was pushed would do.",
			"deploy:production": "builds a release's tag from a clean checkout, and rolls it out.",
			"deploy:staging": "builds the commit that is checked out, and rolls it out on staging.",
			"env:diff": "says in which keys a host's .env differs from .env.<environment>.",
			"env:push": "makes .env.<environment> the .env of the environment's hosts.",
			"host:adopt": "takes over a running shop that docker compose started, or undoes it.",
			"host:check": "says what a server still needs, and changes nothing.",
			"host:serve": "carries out what a laptop's commands ask over SSH; not for people.",
			"host:setup": "makes a fresh Debian or Ubuntu server ready for an environment.",
			"migrate:apply": "applies what is pending of the release that serves.",
			"migrate:fake": "records that an app is at a migration, and runs none.",
			"migrate:plan": "says which migrations a version brings and what each of them means.",
			"migrate:revert": "takes an app back to a migration, or to zero.",
			"migrate:status": "shows all migrations of the release that serves, and which are applied.",
			"bench": "measures rollouts and rollbacks and prints the figures.",
			"build": "builds images of the commit that is checked out, side by side.",
			"demo": "tells the whole story on this machine: build, deploy, break, roll back.",
			"doctor": "looks what is wrong, and says the cause and what to type.",
			"logs": "prints a service's logs; all of its containers', each line named.",
			"prune": "removes releases beyond x-deploy.retain: images, records, logs.",
			"push": "builds what the registry does not have yet, and pushes it.",
			"recover": "repairs what an interrupted command has left.",
			"release": "tags the commit that is checked out, and pushes the tag.",
			"releases": "lists what a rollback can go to.",
			"restart": "replaces the containers of the release that serves, without a gap.",
			"rollback": "returns to a version that served before, or to previous.",
			"status": "shows what runs: release, replicas, health, proxy, memory.",
			"test": "runs every test and linter; -unit only what needs no engine.",
		}

		keys := make([]string, 0, len(targets))
		for name := range targets {
			keys = append(keys, name)
		}
		_sort.Strings(keys)

		_fmt.Println("Targets:")
		w := _tabwriter.NewWriter(_os.Stdout, 0, 4, 4, ' ', 0)
		for _, name := range keys {
			_fmt.Fprintf(w, "  %v\t%v\n", printName(name), targets[name])
		}
		err := w.Flush()
		return err
	}

	var ctx _context.Context
	ctxCancel := func(){}

	// by deferring in a closure, we let the cancel function get replaced
	// by the getContext function.
	defer func() {
		ctxCancel()
	}()

	getContext := func() (_context.Context, func()) {
		if ctx == nil {
			if args.Timeout != 0 {
				ctx, ctxCancel = _context.WithTimeout(_context.Background(), args.Timeout)
			} else {
				ctx, ctxCancel = _context.WithCancel(_context.Background())
			}
		}

		return ctx, ctxCancel
	}

	runTarget := func(logger *_log.Logger, fn func(_context.Context) error) interface{} {
		var err interface{}
		ctx, cancel := getContext()
		d := make(chan interface{})
		go func() {
			defer func() {
				err := recover()
				d <- err
			}()
			err := fn(ctx)
			d <- err
		}()
		sigCh := make(chan _os.Signal, 1)
		_signal.Notify(sigCh, _syscall.SIGINT)
		select {
		case <-sigCh:
			logger.Println("cancelling mage targets, waiting up to 5 seconds for cleanup...")
			cancel()
			cleanupCh := _time.After(5 * _time.Second)

			select {
			// target exited by itself
			case err = <-d:
				return err
			// cleanup timeout exceeded
			case <-cleanupCh:
				return _fmt.Errorf("cleanup timeout exceeded")
			// second SIGINT received
			case <-sigCh:
				logger.Println("exiting mage")
				return _fmt.Errorf("exit forced")
			}
		case <-ctx.Done():
			cancel()
			e := ctx.Err()
			_fmt.Printf("ctx err: %v\n", e)
			return e
		case err = <-d:
			// we intentionally don't cancel the context here, because
			// the next target will need to run with the same _context.
			return err
		}
	}
	// This is necessary in case there aren't any targets, to avoid an unused
	// variable error.
	_ = runTarget

	handleError := func(logger *_log.Logger, err interface{}) {
		if err != nil {
			logger.Printf("Error: %+v\n", err)
			type code interface {
				ExitStatus() int
			}
			if c, ok := err.(code); ok {
				_os.Exit(c.ExitStatus())
			}
			_os.Exit(1)
		}
	}
	_ = handleError

	// Set MAGEFILE_VERBOSE so mg.Verbose() reflects the flag value.
	if args.Verbose {
		_os.Setenv("MAGEFILE_VERBOSE", "1")
	} else {
		_os.Setenv("MAGEFILE_VERBOSE", "0")
	}

	_log.SetFlags(0)
	if !args.Verbose {
		_log.SetOutput(_io.Discard)
	}
	logger := _log.New(_os.Stderr, "", 0)
	if args.List {
		if err := list(); err != nil {
			_log.Println(err)
			_os.Exit(1)
		}
		return
	}

	if args.Help {
		if len(args.Args) < 1 {
			logger.Println("no target specified")
			_os.Exit(2)
		}
		switch _strings.ToLower(args.Args[0]) {
			case "backup:check":
				_fmt.Println("Check says whether the backups can be relied on.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:check [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "backup:drill":
				_fmt.Println("Drill restores a backup into a throw-away Postgres, and compares.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:drill [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>   the environment; the one that is deployed here by default\n\t-name=<string>  the backup; the newest by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "backup:forget":
				_fmt.Println("Forget drops a database that a restore has put aside.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:forget <database> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\t-yes=<bool>    do not ask for the environment's name\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "backup:list":
				_fmt.Println("List shows the backups that there are.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:list [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "backup:restore":
				_fmt.Println("Restore brings a backup back in the place of the database that serves.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:restore <name> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\t-yes=<bool>    do not ask for the environment's name\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "backup:swapback":
				_fmt.Println("SwapBack returns to a database that a restore has put aside.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:swapback <database> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\t-yes=<bool>    do not ask for the environment's name\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "backup:take":
				_fmt.Println("Take streams a backup into the bucket while the database serves.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 backup:take [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "deploy:follow":
				_fmt.Println("Follow shows the deploy that is running, or the last one, to its end.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 deploy:follow [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "deploy:here":
				_fmt.Println("Here rolls a version out on this machine, without losing a request.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 deploy:here <version> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           the environment; the one that is deployed here by default\n\t-plan=<bool>            print the plan and stop\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-overlap=<string>       warm, brief or single; by free memory by default\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "deploy:plan":
				_fmt.Println("Plan prints what a deploy of a version that was pushed would do.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 deploy:plan <environment> <version>\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "deploy:production":
				_fmt.Println("Production builds a release's tag from a clean checkout, and rolls it out.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 deploy:production <version> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           another environment that is deployed like production\n\t-yes=<bool>             do not ask for the environment's name\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-overlap=<string>       warm, brief or single; by free memory by default\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "deploy:staging":
				_fmt.Println("Staging builds the commit that is checked out, and rolls it out on staging.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 deploy:staging [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           another environment that is deployed like staging\n\t-dirty=<bool>           deploy changes that are not committed, too\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-overlap=<string>       warm, brief or single; by free memory by default\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "env:diff":
				_fmt.Println("Diff says in which keys a host's .env differs from .env.<environment>.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 env:diff <environment> [-file=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-file=<string>  another file; - for standard input\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "env:push":
				_fmt.Println("Push makes .env.<environment> the .env of the environment's hosts.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 env:push <environment> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-file=<string>  another file; - for standard input\n\t-roll=<bool>    roll the release that serves out again, with the new values\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "host:adopt":
				_fmt.Println("Adopt takes over a running shop that docker compose started, or undoes it.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 host:adopt <environment> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-version=<string>       the version that takes over; its images are in the registry\n\t-undo=<bool>            go back to what stood before\n\t-plan=<bool>            print the plan and stop\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "host:check":
				_fmt.Println("Check says what a server still needs, and changes nothing.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 host:check <environment>\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "host:serve":
				_fmt.Println("Serve carries out what a laptop's commands ask over SSH; not for people.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 host:serve\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "host:setup":
				_fmt.Println("Setup makes a fresh Debian or Ubuntu server ready for an environment.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 host:setup <environment>\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "migrate:apply":
				_fmt.Println("Apply applies what is pending of the release that serves.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 migrate:apply [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "migrate:fake":
				_fmt.Println("Fake records that an app is at a migration, and runs none.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 migrate:fake <app> <migration> [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "migrate:plan":
				_fmt.Println("Plan says which migrations a version brings and what each of them means.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 migrate:plan [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>      the environment; the one that is deployed here by default\n\t-version=<string>  the version; the one that serves by default\n\t-sql=<bool>        print their SQL, too\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "migrate:revert":
				_fmt.Println("Revert takes an app back to a migration, or to zero.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 migrate:revert <app> <migration> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           the environment; the one that is deployed here by default\n\t-plan=<bool>            say what would be undone and stop\n\t-sql=<bool>             print the SQL, too\n\t-acceptDataLoss=<bool>  undo what loses data, behind a backup\n\t-acceptDowntime=<bool>  undo what the release that serves needs\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "migrate:status":
				_fmt.Println("Status shows all migrations of the release that serves, and which are applied.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 migrate:status [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "bench":
				_fmt.Println("Bench measures rollouts and rollbacks and prints the figures.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 bench [-only=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-only=<string>  a regular expression of what to measure, such as Rollback\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "build":
				_fmt.Println("Build builds images of the commit that is checked out, side by side.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 build [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-services=<string>  only these, separated by commas\n\t-env=<string>       the environment; the only one by default\n\t-version=<string>   the images' tag; of the commit by default\n\t-dirty=<bool>       build changes that are not committed, too\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "demo":
				_fmt.Println("Demo tells the whole story on this machine: build, deploy, break, roll back.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 demo [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-down=<bool>  remove every trace of it\n\t-yes=<bool>   install what is missing without asking\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "doctor":
				_fmt.Println("Doctor looks what is wrong, and says the cause and what to type.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 doctor [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>     the environment; the one that is deployed here by default\n\t-json=<bool>      print the findings for a program\n\t-bundle=<string>  write an archive without secrets, to attach to an issue; - for standard output\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "logs":
				_fmt.Println("Logs prints a service's logs; all of its containers', each line named.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 logs <service> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>   the environment; the one that is deployed here by default\n\t-follow=<bool>  go on until Ctrl-C\n\t-tail=<int>     how many lines of each container; 100 by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "prune":
				_fmt.Println("Prune removes releases beyond x-deploy.retain: images, records, logs.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 prune [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\t-plan=<bool>   say what would go and stop\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "push":
				_fmt.Println("Push builds what the registry does not have yet, and pushes it.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 push [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-services=<string>  only these, separated by commas\n\t-env=<string>       the environment; the only one by default\n\t-version=<string>   the images' tag; of the commit by default\n\t-dirty=<bool>       push changes that are not committed, too\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "recover":
				_fmt.Println("Recover repairs what an interrupted command has left.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 recover [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           the environment; the one that is deployed here by default\n\t-plan=<bool>            print the plan and stop\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "release":
				_fmt.Println("Release tags the commit that is checked out, and pushes the tag.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 release <version> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-branch=<string>  the branch that releases are made from; origin's default one by default\n\t-older=<bool>     allow a version that is older than the newest tag\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "releases":
				_fmt.Println("Releases lists what a rollback can go to.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 releases [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "restart":
				_fmt.Println("Restart replaces the containers of the release that serves, without a gap.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 restart [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           the environment; the one that is deployed here by default\n\t-all=<bool>             databases and the proxy too, which interrupts\n\t-plan=<bool>            print the plan and stop\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "rollback":
				_fmt.Println("Rollback returns to a version that served before, or to previous.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 rollback <version> [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>           the environment; the one that is deployed here by default\n\t-plan=<bool>            print the plan and stop\n\t-acceptDowntime=<bool>  consent to the interruptions that the plan shows\n\t-wait=<time.Duration>   how long to wait for another command, such as 5m\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "status":
				_fmt.Println("Status shows what runs: release, replicas, health, proxy, memory.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 status [-env=<string>]\n\n")
				_fmt.Print("Flags:\n\n\t-env=<string>  the environment; the one that is deployed here by default\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				case "test":
				_fmt.Println("Test runs every test and linter; -unit only what needs no engine.")
				_fmt.Println()
				
				_fmt.Print("Usage:\n\n\tdeploytest-mage-31829 test [<flags>]\n\n")
				_fmt.Print("Flags:\n\n\t-unit=<bool>    only the fast part, which needs no engine\n\t-faults=<bool>  kill and disturb at every event, instead of at some; two hours\n\n")
				var aliases []string
				if len(aliases) > 0 {
					_sort.Strings(aliases)
					_fmt.Printf("Aliases: %s\n\n", _strings.Join(aliases, ", "))
				}
				return
				default:
				logger.Printf("Unknown target: %q\n", args.Args[0])
				_os.Exit(2)
		}
	}
	if len(args.Args) < 1 {
		if err := list(); err != nil {
			logger.Println("Error:", err)
			_os.Exit(1)
		}
		return
	}
	for x := 0; x < len(args.Args); {
		target := args.Args[x]
		x++

		// resolve aliases
		switch _strings.ToLower(target) {
		
		}

		switch _strings.ToLower(target) {
		
		
		
			
				case "backup:check":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:Check\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:Check")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Backup:Check\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Backup:Check\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.Check(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "backup:drill":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:Drill\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:Drill")
					}
					
				var arg0 *string
				var arg1 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Backup:Drill\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "name":
						_tmp1 := _optVal
						arg1 = &_tmp1
					default:
						logger.Printf("unknown option %q for target \"Backup:Drill\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.Drill(ctx, arg0, arg1)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "backup:forget":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:Forget\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:Forget")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "yes":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Backup:Forget\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "yes":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Backup:Forget\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.Forget(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "backup:list":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:List\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:List")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Backup:List\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Backup:List\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.List(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "backup:restore":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:Restore\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:Restore")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "yes":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Backup:Restore\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "yes":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Backup:Restore\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.Restore(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "backup:swapback":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:SwapBack\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:SwapBack")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "yes":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Backup:SwapBack\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "yes":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Backup:SwapBack\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.SwapBack(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "backup:take":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Backup:Take\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Backup:Take")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Backup:Take\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Backup:Take\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Backup{}.Take(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "deploy:follow":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Deploy:Follow\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Deploy:Follow")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Deploy:Follow\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Deploy:Follow\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Deploy{}.Follow(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "deploy:here":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Deploy:Here\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Deploy:Here")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				var arg3 *bool
				var arg4 *string
				var arg5 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "plan":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Deploy:Here\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "plan":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "acceptdowntime":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					case "overlap":
						_tmp4 := _optVal
						arg4 = &_tmp4
					case "wait":
						_tmp5, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg5 = &_tmp5
					default:
						logger.Printf("unknown option %q for target \"Deploy:Here\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Deploy{}.Here(ctx, arg0, arg1, arg2, arg3, arg4, arg5)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "deploy:plan":
					expected := x + 2
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Deploy:Plan\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Deploy:Plan")
					}
					
			arg0 := args.Args[x]
			x++
			arg1 := args.Args[x]
			x++
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Deploy{}.Plan(ctx, arg0, arg1)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "deploy:production":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Deploy:Production\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Deploy:Production")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				var arg3 *bool
				var arg4 *string
				var arg5 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "yes":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Deploy:Production\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "yes":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "acceptdowntime":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					case "overlap":
						_tmp4 := _optVal
						arg4 = &_tmp4
					case "wait":
						_tmp5, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg5 = &_tmp5
					default:
						logger.Printf("unknown option %q for target \"Deploy:Production\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Deploy{}.Production(ctx, arg0, arg1, arg2, arg3, arg4, arg5)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "deploy:staging":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Deploy:Staging\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Deploy:Staging")
					}
					
				var arg0 *string
				var arg1 *bool
				var arg2 *bool
				var arg3 *string
				var arg4 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "dirty":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Deploy:Staging\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "dirty":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					case "acceptdowntime":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "overlap":
						_tmp3 := _optVal
						arg3 = &_tmp3
					case "wait":
						_tmp4, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg4 = &_tmp4
					default:
						logger.Printf("unknown option %q for target \"Deploy:Staging\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Deploy{}.Staging(ctx, arg0, arg1, arg2, arg3, arg4)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "env:diff":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Env:Diff\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Env:Diff")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Env:Diff\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "file":
						_tmp1 := _optVal
						arg1 = &_tmp1
					default:
						logger.Printf("unknown option %q for target \"Env:Diff\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Env{}.Diff(ctx, arg0, arg1)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "env:push":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Env:Push\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Env:Push")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "roll":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Env:Push\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "file":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "roll":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Env:Push\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Env{}.Push(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "host:adopt":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Host:Adopt\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Host:Adopt")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				var arg3 *bool
				var arg4 *bool
				var arg5 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "undo":
							_optVal = "true"
						case "plan":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Host:Adopt\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "version":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "undo":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "plan":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					case "acceptdowntime":
						_tmp4, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg4 = &_tmp4
					case "wait":
						_tmp5, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg5 = &_tmp5
					default:
						logger.Printf("unknown option %q for target \"Host:Adopt\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Host{}.Adopt(ctx, arg0, arg1, arg2, arg3, arg4, arg5)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "host:check":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Host:Check\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Host:Check")
					}
					
			arg0 := args.Args[x]
			x++
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Host{}.Check(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "host:serve":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Host:Serve\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Host:Serve")
					}
					
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Host{}.Serve(ctx)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "host:setup":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Host:Setup\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Host:Setup")
					}
					
			arg0 := args.Args[x]
			x++
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Host{}.Setup(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "migrate:apply":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Migrate:Apply\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Migrate:Apply")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Migrate:Apply\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Migrate:Apply\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Migrate{}.Apply(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "migrate:fake":
					expected := x + 2
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Migrate:Fake\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Migrate:Fake")
					}
					
			arg0 := args.Args[x]
			x++
			arg1 := args.Args[x]
			x++
				var arg2 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Migrate:Fake\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp2 := _optVal
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Migrate:Fake\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Migrate{}.Fake(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "migrate:plan":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Migrate:Plan\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Migrate:Plan")
					}
					
				var arg0 *string
				var arg1 *string
				var arg2 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "sql":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Migrate:Plan\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "version":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "sql":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Migrate:Plan\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Migrate{}.Plan(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "migrate:revert":
					expected := x + 2
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Migrate:Revert\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Migrate:Revert")
					}
					
			arg0 := args.Args[x]
			x++
			arg1 := args.Args[x]
			x++
				var arg2 *string
				var arg3 *bool
				var arg4 *bool
				var arg5 *bool
				var arg6 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "plan":
							_optVal = "true"
						case "sql":
							_optVal = "true"
						case "acceptdataloss":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Migrate:Revert\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp2 := _optVal
						arg2 = &_tmp2
					case "plan":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					case "sql":
						_tmp4, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg4 = &_tmp4
					case "acceptdataloss":
						_tmp5, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg5 = &_tmp5
					case "acceptdowntime":
						_tmp6, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg6 = &_tmp6
					default:
						logger.Printf("unknown option %q for target \"Migrate:Revert\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Migrate{}.Revert(ctx, arg0, arg1, arg2, arg3, arg4, arg5, arg6)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "migrate:status":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Migrate:Status\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Migrate:Status")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Migrate:Status\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Migrate:Status\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Migrate{}.Status(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "bench":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Bench\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Bench")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Bench\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "only":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Bench\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Bench(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "build":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Build\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Build")
					}
					
				var arg0 *string
				var arg1 *string
				var arg2 *string
				var arg3 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "dirty":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Build\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "services":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "version":
						_tmp2 := _optVal
						arg2 = &_tmp2
					case "dirty":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					default:
						logger.Printf("unknown option %q for target \"Build\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Build(ctx, arg0, arg1, arg2, arg3)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "demo":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Demo\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Demo")
					}
					
				var arg0 *bool
				var arg1 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "down":
							_optVal = "true"
						case "yes":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Demo\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "down":
						_tmp0, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg0 = &_tmp0
					case "yes":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					default:
						logger.Printf("unknown option %q for target \"Demo\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Demo(ctx, arg0, arg1)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "doctor":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Doctor\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Doctor")
					}
					
				var arg0 *string
				var arg1 *bool
				var arg2 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "json":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Doctor\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "json":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					case "bundle":
						_tmp2 := _optVal
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Doctor\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Doctor(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "logs":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Logs\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Logs")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				var arg3 *int
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "follow":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Logs\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "follow":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "tail":
						_tmp3, err := _strconv.Atoi(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to int\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					default:
						logger.Printf("unknown option %q for target \"Logs\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Logs(ctx, arg0, arg1, arg2, arg3)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "prune":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Prune\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Prune")
					}
					
				var arg0 *string
				var arg1 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "plan":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Prune\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "plan":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					default:
						logger.Printf("unknown option %q for target \"Prune\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Prune(ctx, arg0, arg1)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "push":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Push\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Push")
					}
					
				var arg0 *string
				var arg1 *string
				var arg2 *string
				var arg3 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "dirty":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Push\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "services":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "version":
						_tmp2 := _optVal
						arg2 = &_tmp2
					case "dirty":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					default:
						logger.Printf("unknown option %q for target \"Push\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Push(ctx, arg0, arg1, arg2, arg3)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "recover":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Recover\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Recover")
					}
					
				var arg0 *string
				var arg1 *bool
				var arg2 *bool
				var arg3 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "plan":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Recover\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "plan":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					case "acceptdowntime":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "wait":
						_tmp3, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					default:
						logger.Printf("unknown option %q for target \"Recover\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Recover(ctx, arg0, arg1, arg2, arg3)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "release":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Release\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Release")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "older":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Release\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "branch":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "older":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					default:
						logger.Printf("unknown option %q for target \"Release\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Release(ctx, arg0, arg1, arg2)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "releases":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Releases\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Releases")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Releases\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Releases\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Releases(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "restart":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Restart\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Restart")
					}
					
				var arg0 *string
				var arg1 *bool
				var arg2 *bool
				var arg3 *bool
				var arg4 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "all":
							_optVal = "true"
						case "plan":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Restart\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					case "all":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					case "plan":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "acceptdowntime":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					case "wait":
						_tmp4, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg4 = &_tmp4
					default:
						logger.Printf("unknown option %q for target \"Restart\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Restart(ctx, arg0, arg1, arg2, arg3, arg4)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "rollback":
					expected := x + 1
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Rollback\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Rollback")
					}
					
			arg0 := args.Args[x]
			x++
				var arg1 *string
				var arg2 *bool
				var arg3 *bool
				var arg4 *_time.Duration
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "plan":
							_optVal = "true"
						case "acceptdowntime":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Rollback\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp1 := _optVal
						arg1 = &_tmp1
					case "plan":
						_tmp2, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg2 = &_tmp2
					case "acceptdowntime":
						_tmp3, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg3 = &_tmp3
					case "wait":
						_tmp4, err := _time.ParseDuration(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to time.Duration\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg4 = &_tmp4
					default:
						logger.Printf("unknown option %q for target \"Rollback\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Rollback(ctx, arg0, arg1, arg2, arg3, arg4)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "status":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Status\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Status")
					}
					
				var arg0 *string
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						default:
							logger.Printf("invalid option %q for target \"Status\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "env":
						_tmp0 := _optVal
						arg0 = &_tmp0
					default:
						logger.Printf("unknown option %q for target \"Status\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Status(ctx, arg0)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
				case "test":
					expected := x + 0
					if expected > len(args.Args) {
						// note that expected and args at this point include the arg for the target itself
						// so we subtract 1 here to show the number of args without the target.
						logger.Printf("not enough arguments for target \"Test\", expected %v, got %v\n", expected-1, len(args.Args)-1)
						_os.Exit(2)
					}
					if args.Verbose {
						logger.Println("Running target:", "Test")
					}
					
				var arg0 *bool
				var arg1 *bool
				for x < len(args.Args) && _strings.HasPrefix(args.Args[x], "-") {
					_optArg := args.Args[x]
					_eqIdx := _strings.Index(_optArg, "=")
					var _optName, _optVal string
					if _eqIdx < 0 {
						_optName = _strings.ToLower(_optArg[1:])
						switch _optName {
						case "unit":
							_optVal = "true"
						case "faults":
							_optVal = "true"
						default:
							logger.Printf("invalid option %q for target \"Test\", expected -name=value format\n", _optArg)
							_os.Exit(2)
						}
					} else {
						_optName = _strings.ToLower(_optArg[1:_eqIdx])
						_optVal = _optArg[_eqIdx+1:]
					}
					switch _optName {
					case "unit":
						_tmp0, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg0 = &_tmp0
					case "faults":
						_tmp1, err := _strconv.ParseBool(_optVal)
						if err != nil {
							logger.Printf("can't convert option %q value %q to bool\n", _optName, _optVal)
							_os.Exit(2)
						}
						arg1 = &_tmp1
					default:
						logger.Printf("unknown option %q for target \"Test\"\n", _optName)
						_os.Exit(2)
					}
					x++
				}
				wrapFn := func(ctx _context.Context) error {
					return mage_mageimport.Test(ctx, arg0, arg1)
				}
				ret := runTarget(logger, wrapFn)
					handleError(logger, ret)
		default:
			logger.Printf("Unknown target specified: %q\n", target)
			_os.Exit(2)
		}
	}
}




