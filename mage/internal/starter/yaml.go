package starter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// pair is one key of a block that is written, with the reason above it.
type pair struct {
	key     string
	value   any
	comment string
	// tag is Compose's for what is not merged: !reset or !override.
	tag string
}

// pairs are keys in the order in which they are written. A block of them is
// written on lines of its own.
type pairs []pair

// inline are pairs that are written on one line.
type inline []pair

// commentWidth is where a comment's line ends.
const commentWidth = 78

// write writes the pairs at an indent.
func (p pairs) write(out *strings.Builder, indent int) {
	margin := strings.Repeat(" ", indent)
	for _, one := range p {
		writeComment(out, margin, one.comment)
		fmt.Fprintf(out, "%s%s:", margin, scalar(one.key))
		if one.tag != "" {
			out.WriteString(" " + one.tag)
		}
		switch value := one.value.(type) {
		case pairs:
			out.WriteString("\n")
			value.write(out, indent+2)
		case lines:
			out.WriteString("\n")
			for _, entry := range value {
				fmt.Fprintf(out, "%s  - %s\n", margin, flow(entry))
			}
		default:
			fmt.Fprintf(out, " %s\n", flow(value))
		}
	}
}

// lines is a list with each entry on a line of its own.
type lines []any

func writeComment(out *strings.Builder, margin, comment string) {
	for _, line := range wrap(comment, commentWidth-len(margin)-2) {
		fmt.Fprintf(out, "%s# %s\n", margin, line)
	}
}

// wrap breaks a text between words; one without any has no lines.
func wrap(text string, width int) []string {
	if text == "" {
		return nil
	}
	return strings.Split(deploy.Wrap(text, 0, width), "\n")
}

// flow writes a value on one line.
func flow(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case map[string]any:
		var entries []string
		for _, key := range sortedKeys(value) {
			entries = append(entries, scalar(key)+": "+flow(value[key]))
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case pairs:
		return flow(inline(value))
	case inline:
		var entries []string
		for _, one := range value {
			entries = append(entries, scalar(one.key)+": "+strings.TrimPrefix(one.tag+" "+flow(one.value), " "))
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case []any:
		var entries []string
		for _, entry := range value {
			entries = append(entries, flow(entry))
		}
		return "[" + strings.Join(entries, ", ") + "]"
	case []string:
		var entries []string
		for _, entry := range value {
			entries = append(entries, scalar(entry))
		}
		return "[" + strings.Join(entries, ", ") + "]"
	case string:
		return scalar(value)
	default:
		return fmt.Sprint(value)
	}
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z/.-][A-Za-z0-9/._@-]*(?::[A-Za-z0-9][A-Za-z0-9._-]*)?$|^\d+(?:ms|s|m|h|M)$`)
	notText   = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|null|y|n|~|-+|\.|\.nan|[-+]?\.inf)$|^-$|^-[ -]|^\.\d`)
)

// scalar writes a text so that YAML reads a text.
func scalar(value string) string {
	if plainText.MatchString(value) && !notText.MatchString(value) {
		return value
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return `""` // a text can always be encoded
	}
	return strings.TrimRight(out.String(), "\n")
}

func sortedKeys[V any](values map[string]V) []string { return slices.Sorted(maps.Keys(values)) }
