package reference

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// draft is 7: the language server for YAML that editors share promises that one
// "and below", and JetBrains' editors know it, too. Nothing here needs a newer.
const draft = "http://json-schema.org/draft-07/schema#"

// composeSchema is what Compose publishes for its own keys, named so that editors
// that read this schema instead of that one still know them.
const composeSchema = "https://raw.githubusercontent.com/compose-spec/compose-spec/main/schema/compose-spec.json"

// node is a JSON Schema, as far as one is needed here.
type node struct {
	Draft       string `json:"$schema,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Ref         string `json:"$ref,omitempty"`
	Type        any    `json:"type,omitempty"`
	Enum        []any  `json:"enum,omitempty"`
	Pattern     string `json:"pattern,omitempty"`
	// PatternMessage is what editors say of a text that does not match; other
	// readers of a schema pass over it.
	PatternMessage string           `json:"patternErrorMessage,omitempty"`
	Default        any              `json:"default,omitempty"`
	AllOf          []*node          `json:"allOf,omitempty"`
	AnyOf          []*node          `json:"anyOf,omitempty"`
	Items          *node            `json:"items,omitempty"`
	Properties     map[string]*node `json:"properties,omitempty"`
	// Additional is false, or what other keys' values are; nil for anything.
	Additional  any              `json:"additionalProperties,omitempty"`
	Definitions map[string]*node `json:"definitions,omitempty"`
}

// Compose puts the values of variables into the texts of a file before x-deploy
// is decoded, and what is decoded then takes a number or a truth value that is
// written as text. So each key may be a text with a variable in it. $$ is a
// dollar and begins none.
const variable = `^([^$]|\$\$)*\$[{A-Za-z_]`

// The texts that the loader takes for other things.
const (
	durationText = `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`
	truthText    = `^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False|)$`
	wholeText    = `^([+-]?(0|[1-9][0-9]*))?$`
	fractionText = `^([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)?$`
)

// Every key may be there without a value, which is as if it were not.
func scalars() map[string]*node {
	return map[string]*node{
		"text":     {Type: []string{"string", "number", "null"}},
		"truth":    {Type: []string{"boolean", "string", "null"}, Pattern: or(truthText, variable), PatternMessage: "Write true or false."},
		"whole":    {Type: []string{"integer", "string", "null"}, Pattern: or(wholeText, variable), PatternMessage: "Write a whole number."},
		"fraction": {Type: []string{"number", "string", "null"}, Pattern: or(fractionText, variable), PatternMessage: "Write a number."},
		"duration": {Type: []string{"string", "null"}, Pattern: or(durationText, variable), PatternMessage: "Write a duration with its unit: 500ms, 30s, 5m or 1h."},
		"texts":    {Type: []string{"object", "null"}, Additional: definition("text")},
	}
}

func or(patterns ...string) string { return strings.Join(patterns, "|") }

func definition(name string) *node { return &node{Ref: "#/definitions/" + name} }

// newSchema is the schema of a whole Compose file: Compose's own, and beside it
// that of x-deploy, each mapping of which is closed. No key must be there: a file
// that another one includes or extends says a part.
func newSchema(from *extension) *node {
	schema := &node{
		Draft:       draft,
		Title:       "A Compose file with " + deploy.ExtensionKey,
		Description: "Written by mage/internal/reference from the types of deploy. Do not edit it: go test ./mage/internal/reference -update",
		AllOf:       []*node{{Ref: composeSchema}},
		Definitions: scalars(),
	}
	service := &node{Properties: map[string]*node{deploy.ExtensionKey: schema.section(from.service)}}
	schema.Properties = map[string]*node{
		deploy.ExtensionKey: schema.section(from.top),
		"services":          {Additional: service},
	}
	return schema
}

// section notes what a section may be, and refers to it.
func (n *node) section(from *section) *node {
	if n.Definitions[from.name] == nil {
		closed := &node{Description: from.comment, Type: []string{"object", "null"}, Properties: map[string]*node{}, Additional: false}
		n.Definitions[from.name] = closed
		for _, one := range from.keys {
			closed.Properties[one.name] = n.key(one)
		}
	}
	if from.words == nil {
		return definition(from.name)
	}
	return &node{AnyOf: append(choice(from.words), definition(from.name))}
}

func (n *node) key(from key) *node {
	value := n.value(from.shape)
	if value.Ref != "" {
		value = &node{AllOf: []*node{value}} // what stands beside a reference does not count in draft 7
	}
	value.Description, value.Default = from.comment, from.initial
	return value
}

func (n *node) value(of shape) *node {
	switch of.kind {
	case kindText:
		if of.allowed != nil {
			return &node{AnyOf: choice(of.allowed)}
		}
		return definition("text")
	case kindTruth:
		return definition("truth")
	case kindWhole:
		return definition("whole")
	case kindFraction:
		return definition("fraction")
	case kindDuration:
		return definition("duration")
	case kindCommand:
		return listOf(definition("text"))
	case kindList:
		return listOf(n.value(*of.of))
	case kindTexts:
		return definition("texts")
	default:
		return n.section(of.section)
	}
}

// listOf is a list, or its one element alone.
func listOf(element *node) *node {
	return &node{AnyOf: []*node{{Type: "array", Items: element}, element}}
}

// choice is one of some texts, or a variable that holds one.
func choice(texts []string) []*node {
	one := &node{Type: "string"}
	for _, text := range texts {
		one.Enum = append(one.Enum, text)
	}
	return []*node{one, {Type: []string{"string", "null"}, Pattern: variable}}
}

func (n *node) encode() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(n)
	return out.Bytes(), err
}
