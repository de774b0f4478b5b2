package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// settings are what ~/.ssh/config says about one host: the values of each
// keyword in lower case, the first of which counts for most.
type settings struct {
	values map[string][]string
	// ignored are the parts that were passed over, with the reason.
	ignored []string
	// environment serves tokens such as ${XDG_RUNTIME_DIR}.
	environment func(string) string
}

// first gives what counts of a keyword, empty where nothing is set: the
// library's own defaults are those of one old release.
func (s *settings) first(keyword string) string {
	if values := s.values[keyword]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// includeKeyword stands for Include after the text was prepared: the library
// reads included files itself, but from the home of the process's user only,
// and one line that it cannot read in any of them makes all unreadable.
const includeKeyword = "webshopdeployinclude"

// separator stands between the files of an Include line, whose names may have
// spaces.
const separator = "\x1f"

// maxIncludes is how deep files may include others.
const maxIncludes = 16

// readConfig reads what the user's configuration says about an alias. No file
// is an empty configuration.
func readConfig(options Options, alias string) (*settings, error) {
	s := &settings{values: map[string][]string{}, environment: options.env}
	name := filepath.Join(options.Home, ".ssh", "config")
	err := s.read(options.Home, name, alias, 0)
	if err != nil {
		return nil, fail(err, "mend it; `ssh -G "+Quote(alias)+"` shows what ssh makes of it", "read the ssh configuration")
	}
	return s, nil
}

func (s *settings) read(home, name, alias string, depth int) error {
	if depth > maxIncludes {
		return fmt.Errorf("%s: files include each other more than %d deep", name, maxIncludes)
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	config, err := decode(s.prepare(name, string(text)))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, block := range config.Hosts {
		if !block.Matches(alias) {
			continue
		}
		for _, node := range block.Nodes {
			entry, ok := node.(*ssh_config.KV)
			if !ok {
				continue
			}
			keyword := strings.ToLower(entry.Key)
			if keyword != includeKeyword {
				s.values[keyword] = append(s.values[keyword], entry.Value)
				continue
			}
			if err := s.include(home, entry.Value, alias, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// include reads the files of one Include line, in the order of their names.
func (s *settings) include(home, patterns, alias string, depth int) error {
	for pattern := range strings.SplitSeq(patterns, separator) {
		pattern = expandHome(home, pattern)
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(home, ".ssh", pattern)
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("include %s: %w", pattern, err)
		}
		slices.Sort(files)
		for _, file := range files {
			if err := s.read(home, file, alias, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode parses prepared text. The library panics on some input that is no
// configuration at all.
func decode(text string) (config *ssh_config.Config, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			config, err = nil, fmt.Errorf("not an ssh configuration: %v", broken)
		}
	}()
	return ssh_config.DecodeBytes([]byte(text))
}

// prepare rewrites what the library reads otherwise than ssh does, line by
// line, so that its line numbers stay right.
func (s *settings) prepare(name, text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimSpace(strings.ReplaceAll(line, "\t", " "))
		lines[i] = line
		end := strings.IndexAny(line, " =")
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[end:]), "="))
		switch strings.ToLower(line[:end]) {
		case "include":
			lines[i] = includeKeyword + " " + strings.Join(words(rest), separator)
		case "host":
			lines[i] = "Host " + strings.Join(words(rest), " ")
		case "match":
			patterns, reason := matched(words(rest))
			if reason != "" {
				s.ignored = append(s.ignored, fmt.Sprintf("%s:%d: Match %s (%s)", name, i+1, rest, reason))
			}
			lines[i] = "Host " + patterns
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// matched gives a Match line as the patterns of a Host line, and a reason
// where it cannot be had so: then the patterns match nothing. What runs
// commands or depends on the user is not followed.
func matched(criteria []string) (patterns, reason string) {
	const nothing = "!*"
	switch {
	case len(criteria) == 1 && strings.EqualFold(criteria[0], "all"):
		return "*", ""
	case len(criteria) == 2 && (strings.EqualFold(criteria[0], "host") || strings.EqualFold(criteria[0], "originalhost")):
		return strings.ReplaceAll(criteria[1], ",", " "), ""
	case slices.ContainsFunc(criteria, func(one string) bool { return strings.EqualFold(strings.TrimLeft(one, "!"), "exec") }):
		return nothing, "commands of a configuration are not run"
	}
	return nothing, "only all, host and originalhost are understood, one of them at a time"
}

// words takes a value apart at its spaces, except inside double quotes, and
// ends it at a comment.
func words(value string) []string {
	var found []string
	var word strings.Builder
	quoted, open := false, false
	for _, r := range value {
		switch {
		case r == '"':
			quoted, open = !quoted, true
		case r == ' ' && !quoted:
			if open {
				found = append(found, word.String())
			}
			word.Reset()
			open = false
		case r == '#' && !quoted && !open:
			return found
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		found = append(found, word.String())
	}
	return found
}

// expandHome replaces a leading ~.
func expandHome(home, name string) string {
	if name == "~" {
		return home
	}
	if rest, found := strings.CutPrefix(name, "~/"); found {
		return filepath.Join(home, rest)
	}
	return name
}
