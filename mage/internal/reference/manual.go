package reference

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// manual is docs/reference.md.
func manual(groups []group, from *extension, statuses []status) []byte {
	var out bytes.Buffer
	out.WriteString(`<!-- Written by mage/internal/reference. Do not edit it: go test ./mage/internal/reference -update -->

# Reference

Every target, every key of ` + "`x-deploy`" + ` and every exit status, written from the
code. What they are for is in the [README](../README.md) and in
[operating.md](operating.md).

`)
	writeTargets(&out, groups)
	writeKeys(&out, from)
	writeStatuses(&out, statuses)
	return out.Bytes()
}

func writeTargets(out *bytes.Buffer, groups []group) {
	out.WriteString("## Targets\n\nIn the order of `mage -l`. Flags stand behind the arguments, as `-name=value`; one\n" +
		"without a value here is on where it is said. Without a flag the default counts.\n" +
		"A duration has its unit: `90s`, `5m`.\n")
	for _, group := range groups {
		heading := "###"
		if group.name != "" {
			fmt.Fprintf(out, "\n### %s\n\n%s\n", group.name, prose(group.comment))
			heading = "####"
		}
		for _, target := range group.targets {
			fmt.Fprintf(out, "\n%s %s\n\n    %s\n\n%s\n", heading, target.name, target.usage(), prose(target.comment))
			if len(target.flags) > 0 {
				out.WriteString("\n| flag | |\n| --- | --- |\n")
			}
			for _, flag := range target.flags {
				fmt.Fprintf(out, "| `%s` | %s |\n", flag.text, cell(flag.comment))
			}
		}
	}
}

func writeKeys(out *bytes.Buffer, from *extension) {
	fmt.Fprintf(out, `
## Keys of x-deploy

%[1]sx-deploy%[1]s stands at the top level of a Compose file, and in its services; one at the
top level of a file that another one includes is not read. An unknown key is a
mistake. A key without a value is as if it were not there. Where a number, a
truth value or a duration belongs, a text with a variable may stand:
%[1]sretain: ${RETAIN:-3}%[1]s. A list with one element may be that element alone. A duration
is a text with its unit, %[1]s500ms%[1]s, %[1]s30s%[1]s, %[1]s5m%[1]s, %[1]s1h30m%[1]s, and never negative.

Editors with the YAML language server complete and explain these keys, and mark
what is wrong, in a Compose file that begins with

    # yaml-language-server: $schema=schema/x-deploy.json
`, "`")
	written := map[*section]bool{}
	writeSection(out, from.top, written, deploy.ExtensionKey)
	writeSection(out, from.service, written, "services.<name>."+deploy.ExtensionKey)
}

// writeSection writes a section under the paths at which it stands, and below
// it those that stand in it.
func writeSection(out *bytes.Buffer, from *section, written map[*section]bool, paths ...string) {
	if written[from] {
		return
	}
	written[from] = true
	fmt.Fprintf(out, "\n### `%s`\n\n%s\n\n", strings.Join(paths, "`, `"), prose(from.comment))
	out.WriteString("| key | type | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, key := range from.keys {
		initial := ""
		if key.initial != nil {
			initial = "`" + shown(key.initial) + "`"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", key.name, key.shape.words(), initial, cell(key.comment))
	}
	for _, key := range from.keys {
		if inner := key.shape.inner(); inner != nil {
			writeSection(out, inner, written, standing(from, inner, paths[0])...)
		}
	}
}

// standing gives the paths at which a section stands in another one.
func standing(in, inner *section, path string) []string {
	var paths []string
	for _, key := range in.keys {
		if key.shape.inner() != inner {
			continue
		}
		at := path + "." + key.name
		if key.shape.kind == kindList {
			at += "[]"
		}
		paths = append(paths, at)
	}
	return paths
}

// inner is the section that a value, or each element of it, is.
func (s shape) inner() *section {
	if s.kind == kindList {
		return s.of.inner()
	}
	return s.section
}

// words says a type to people.
func (s shape) words() string {
	switch s.kind {
	case kindTruth:
		return "true or false"
	case kindWhole:
		return "whole number"
	case kindFraction:
		return "number"
	case kindDuration:
		return "duration"
	case kindCommand:
		return "list of texts, or one text for a shell"
	case kindTexts:
		return "mapping of names to texts"
	case kindList:
		return "list of " + s.of.several()
	case kindMapping:
		if s.section.words != nil {
			return "mapping, or a word"
		}
		return "mapping"
	}
	if s.allowed != nil {
		return "`" + strings.Join(s.allowed, "`, `") + "`"
	}
	return "text"
}

// several says the type of a list's elements.
func (s shape) several() string {
	switch {
	case s.allowed != nil:
		return s.words()
	case s.kind == kindText:
		return "texts"
	default:
		return s.words() + "s"
	}
}

// shown is a default as a Compose file would say it.
func shown(value any) string {
	listed, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	var texts []string
	for _, one := range listed {
		texts = append(texts, shown(one))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func writeStatuses(out *bytes.Buffer, statuses []status) {
	out.WriteString("\n## Exit statuses\n\n| status | meaning |\n| --- | --- |\n")
	for _, one := range statuses {
		fmt.Fprintf(out, "| %s | %s |\n", one.number, cell(one.meaning))
	}
}

// literal is what people type or read as it is: quoted, a variable, a dollar,
// and what has a place for a name in it.
var literal = regexp.MustCompile("`[^`]*`|\"[^\"]+\"|\\$\\{[^}]*\\}|\\$\\$?|[\\w./-]*<[a-z-]+>")

// prose is a comment for a page: what is literal in it is set so.
func prose(comment string) string {
	return literal.ReplaceAllStringFunc(comment, func(found string) string {
		return "`" + strings.Trim(found, "\"`") + "`"
	})
}

// cell is a comment for a table.
func cell(comment string) string { return strings.ReplaceAll(prose(comment), "|", `\|`) }
