package reference

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Commands are all that can be typed: the targets with their arguments and
// flags.
type Commands struct{ targets map[string]target }

// ReadCommands reads those of the project at root.
func ReadCommands(root string) (*Commands, error) {
	groups, err := readTargets(filepath.Join(root, "mage"))
	if err != nil {
		return nil, err
	}
	commands := &Commands{targets: map[string]target{}}
	for _, group := range groups {
		for _, target := range group.targets {
			commands.targets[target.name] = target
		}
	}
	return commands, nil
}

// Check says why nobody can type a command: the words behind `mage`. One that
// is only mentioned may be without its arguments, and is not whole.
func (c *Commands) Check(words []string, whole bool) error {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		words = words[1:] // mage's own
	}
	if len(words) == 0 {
		return nil
	}
	target, ok := c.targets[words[0]]
	if !ok {
		return fmt.Errorf("there is no target %s", words[0])
	}
	arguments := 0
	for _, word := range words[1:] {
		if !strings.HasPrefix(word, "-") || word == "-" {
			arguments++
			continue
		}
		if err := target.checkFlag(word); err != nil {
			return err
		}
	}
	optional := target.name == "logs" // whose service may be left out
	if wanted := len(target.arguments); arguments > wanted || whole && arguments < wanted && !optional {
		return fmt.Errorf("%s has %d arguments, and not %d", target.name, wanted, arguments)
	}
	return nil
}

// checkFlag says what is wrong with a flag: its name, or that it has a value
// and must not, or the other way around.
func (t target) checkFlag(word string) error {
	name, _, valued := strings.Cut(word, "=")
	at := slices.IndexFunc(t.flags, func(o option) bool { flag, _, _ := strings.Cut(o.text, "="); return flag == name })
	switch {
	case at < 0:
		return fmt.Errorf("%s has no flag %s", t.name, name)
	case valued != strings.Contains(t.flags[at].text, "="):
		return fmt.Errorf("%s: the flag is %s, and not %s", t.name, t.flags[at].text, word)
	}
	return nil
}
