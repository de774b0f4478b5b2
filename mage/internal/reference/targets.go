package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/magefile/mage/parse"
)

// group is what `mage -l` shows one below the other: the targets of a
// namespace, or a target that is in none.
type group struct {
	// name is the namespace's; empty for a target alone.
	name, comment string
	targets       []target
}

type target struct {
	// name is what is typed: "backup:swapBack".
	name, comment string
	arguments     []string
	flags         []option
}

type option struct {
	// text is what is typed: "-wait=DURATION".
	text, comment string
}

// readTargets reads the targets as mage itself does.
func readTargets(folder string) ([]group, error) {
	files, err := targetFiles(folder)
	if err != nil {
		return nil, err
	}
	parsed, err := parse.Package(folder, files, false)
	if err != nil {
		return nil, err
	}
	namespaces := map[string]string{}
	for _, one := range parsed.DocPkg.Types {
		namespaces[one.Name] = strings.Join(strings.Fields(one.Doc), " ")
	}
	var groups []group
	slices.SortFunc(parsed.Funcs, func(a, b *parse.Function) int { return strings.Compare(targetName(a), targetName(b)) })
	for _, function := range parsed.Funcs {
		read, err := readTarget(function)
		if err != nil {
			return nil, err
		}
		if last := len(groups) - 1; function.Receiver != "" && last >= 0 && groups[last].name == small(function.Receiver) {
			groups[last].targets = append(groups[last].targets, read)
			continue
		}
		one := group{targets: []target{read}}
		if function.Receiver != "" {
			one.name = small(function.Receiver)
			if one.comment, err = meaning("mage."+function.Receiver, function.Receiver, namespaces[function.Receiver]); err != nil {
				return nil, err
			}
		}
		groups = append(groups, one)
	}
	return groups, nil
}

func targetFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if name := entry.Name(); filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") {
			files = append(files, name)
		}
	}
	return files, nil
}

func readTarget(function *parse.Function) (target, error) {
	read := target{name: targetName(function)}
	var err error
	if read.comment, err = meaning("mage."+function.ID(), function.Name, function.Comment); err != nil {
		return target{}, err
	}
	for _, argument := range function.Args {
		name := hyphened(argument.Name)
		if !argument.Optional {
			read.arguments = append(read.arguments, "<"+name+">")
			continue
		}
		if argument.Comment == "" {
			return target{}, fmt.Errorf("%s: -%s needs a comment behind its parameter: it is what people read of the flag", read.name, name)
		}
		value, ok := map[string]string{"bool": "", "string": "=TEXT", "int": "=NUMBER", "time.Duration": "=DURATION"}[argument.Type]
		if !ok {
			return target{}, fmt.Errorf("%s: -%s is a %s, which no flag was before: say in mage/internal/reference how people write it", read.name, name, argument.Type)
		}
		read.flags = append(read.flags, option{"-" + name + value, argument.Comment})
	}
	return read, nil
}

// usage is the line that is typed.
func (t target) usage() string {
	words := append([]string{"mage", t.name}, t.arguments...)
	if len(t.flags) > 0 {
		words = append(words, "[flags]")
	}
	return strings.Join(words, " ")
}

func targetName(function *parse.Function) string {
	if function.Receiver == "" {
		return small(function.Name)
	}
	return small(function.Receiver) + ":" + small(function.Name)
}

func small(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// hyphened is a parameter's name as people type it: -accept-downtime.
func hyphened(name string) string {
	var out strings.Builder
	for _, letter := range name {
		if unicode.IsUpper(letter) {
			out.WriteByte('-')
		}
		out.WriteRune(unicode.ToLower(letter))
	}
	return out.String()
}
