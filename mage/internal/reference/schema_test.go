package reference

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	compose "github.com/compose-spec/compose-go/v2/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// judges are the two that say whether a Compose file is right: the loader that
// the targets use, and the schema that editors use.
type judges struct {
	extension *extension
	schema    *jsonschema.Schema
}

func newJudges(t *testing.T) *judges {
	t.Helper()
	written, err := readSource(filepath.Join(root, "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	from, err := readExtension(t.Context(), written)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := newSchema(from).encode()
	if err != nil {
		t.Fatal(err)
	}
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(Schema, content); err != nil {
		t.Fatal(err)
	}
	// compose-go brings the schema that Compose publishes.
	own, err := jsonschema.UnmarshalJSON(strings.NewReader(compose.Schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource(composeSchema, own); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(Schema)
	if err != nil {
		t.Fatal(err)
	}
	return &judges{from, schema}
}

// load is the loader's verdict.
func load(t *testing.T, document map[string]any, variables map[string]string) error {
	t.Helper()
	content, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	model, err := deploy.ParseModel(t.Context(), filepath.Join(root, "compose", "docker-compose.live.yml"), content)
	if err != nil {
		return err
	}
	_, err = model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Directory: "/opt/shop", Variables: variables})
	return err
}

func TestEveryKeyIsTried(t *testing.T) {
	judges := newJudges(t)
	tried := map[string]bool{}
	for _, text := range everything {
		document := parsed(t, text)
		if err := load(t, document, nil); err != nil {
			t.Error(err)
		}
		if err := judges.schema.Validate(document); err != nil {
			t.Error(err)
		}
		for _, place := range places(judges.extension, document) {
			tried[place.field] = true
		}
	}
	for _, section := range sections(judges.extension) {
		for _, key := range section.keys {
			if field := section.name + "." + key.name; !tried[field] {
				t.Errorf("%s is in none of the files: say it in everything", field)
			}
		}
	}
}

// Defaults are found in each section, since the sparse file has each.
func TestDefaultsOfEverySectionAreFound(t *testing.T) {
	judges := newJudges(t)
	said := map[*section]bool{}
	for _, place := range places(judges.extension, parsed(t, sparse)) {
		said[place.shape.section] = true
	}
	for _, section := range sections(judges.extension) {
		if !said[section] {
			t.Errorf("%s is not in the sparse Compose file: say in it what must be said", section.name)
		}
	}
}

// sections gives all sections of x-deploy.
func sections(from *extension) []*section {
	found := []*section{from.top, from.service}
	for at := 0; at < len(found); at++ {
		for _, key := range found[at].keys {
			if inner := key.shape.inner(); inner != nil && !slices.Contains(found, inner) {
				found = append(found, inner)
			}
		}
	}
	return found
}

// What the types do not take is refused by both, at each place.
func TestWrongTypesAreRefused(t *testing.T) {
	judges := newJudges(t)
	for _, text := range everything {
		for _, place := range places(judges.extension, parsed(t, text)) {
			for _, value := range wrong(place) {
				document := with(t, text, place.path, value)
				if load(t, document, nil) == nil {
					t.Errorf("the loader takes %s: %v", place, value)
				}
				if judges.schema.Validate(document) == nil {
					t.Errorf("the schema takes %s: %v", place, value)
				}
			}
		}
	}
}

// wrong gives values that a place cannot have for their type.
func wrong(at place) []any {
	other := map[string]any{"colour": "red"}
	switch at.shape.kind {
	case kindText:
		if at.shape.allowed != nil {
			return []any{"colourless", 5, other, []any{"x"}}
		}
		return []any{other, []any{"x"}, []any{}}
	case kindTruth:
		return []any{"maybe", other, []any{true}}
	case kindWhole:
		return []any{"web", "1.5", "08", other, []any{1}}
	case kindFraction:
		return []any{"much", "1,5", other, []any{1}}
	case kindDuration:
		return []any{30, 0, 1.5, true, "", "30", "-3s", "soon", "3 s", "3d", "1h 30m", other, []any{"3s"}}
	case kindCommand:
		return []any{other, []any{other}, []any{[]any{"x"}}}
	case kindTexts:
		return []any{"x", 5, true, []any{"x"}, map[string]any{"X": other}, map[string]any{"X": []any{"y"}}}
	case kindList:
		values := []any{[]any{[]any{"x"}}}
		for _, value := range wrong(place{shape: *at.shape.of}) {
			if _, listed := value.([]any); !listed {
				values = append(values, value, []any{value})
			}
		}
		return values
	default:
		values := []any{"colourless", 5, true, []any{"x"}, other}
		if said, ok := at.value.(map[string]any); ok {
			more := maps.Clone(said)
			more["colour"] = "red"
			values = append(values, more)
		}
		return values
	}
}

// What means the same is taken by both: a variable, a number as text, one
// element without its list.
func TestOtherSpellingsAreTaken(t *testing.T) {
	judges := newJudges(t)
	for _, text := range everything {
		for _, place := range places(judges.extension, parsed(t, text)) {
			for _, said := range spellings(place) {
				document := with(t, text, place.path, said.value)
				if err := load(t, document, map[string]string{"SAID": said.variable}); err != nil {
					t.Errorf("the loader refuses %s: %v: %v", place, said.value, err)
				}
				if err := judges.schema.Validate(document); err != nil {
					t.Errorf("the schema refuses %s: %v: %v", place, said.value, err)
				}
			}
		}
	}
}

// spelling is a value, and what the variable SAID in it holds.
type spelling struct {
	value    any
	variable string
}

// spellings gives values that mean what a place has.
func spellings(at place) []spelling {
	switch value := at.value.(type) {
	case map[string]any:
		return nil
	case []any:
		if len(value) == 1 && at.shape.kind == kindList {
			return []spelling{{value[0], ""}}
		}
		return nil
	}
	said := fmt.Sprint(at.value)
	found := []spelling{{said, ""}, {"${SAID}", said}, {"$SAID", said}, {"${NOT_SAID:-" + said + "}", ""}}
	switch {
	case at.field == "Notify.discord" || at.field == "Notify.slack":
		return found[:1] // a variable already, as it must be
	case at.shape.kind == kindDuration:
		found = append(found, spelling{"0h" + said, ""}, spelling{"+" + said, ""})
	}
	return found
}

// A key without a value is as one that is not there: the schema is not to say
// more than the loader, which may miss it.
func TestKeysWithoutAValueAreTaken(t *testing.T) {
	judges := newJudges(t)
	for _, text := range everything {
		for _, place := range places(judges.extension, parsed(t, text)) {
			if err := judges.schema.Validate(with(t, text, place.path, nil)); err != nil {
				t.Errorf("the schema refuses %s: null: %v", place, err)
			}
		}
	}
}

// What nobody means is refused by the schema alone: the loader makes something
// of it, which may not be what was thought.
func TestTheSchemaIsStricterWhereTheLoaderGuesses(t *testing.T) {
	judges := newJudges(t)
	for why, said := range map[string]string{
		"case does not count":              "{Retain: 3}",
		"a truth value for text is 1":      "{hooks: {on_failure: [{name: a, host: true, command: [true]}]}}",
		"a truth value for a number is 1":  "{retain: true}",
		"a fraction is cut off":            "{retain: 3.9}",
		"a number but 0 is true":           "{notify: {github: 5}}",
		"a number begins with 0 in base 8": "{retain: \"010\"}",
		"nothing by names is a list":       "{tags: {}}",
		"several mappings are joined":      "{verify: [{url: \"https://shop.example/\", headers: [{A: b}, {C: d}]}]}",
		"no text where a few may be":       "{verify: [{url: \"https://shop.example/\", method: \"\"}]}",
		"less than no time is none":        "{backups: {service: app, endpoint: \"https://s3.example\", bucket: b, interval: -0s}}",
	} {
		document := parsed(t, "x-deploy: "+said+"\nservices: {app: {image: app}}\n")
		if err := load(t, document, nil); err != nil {
			t.Errorf("%s: the loader does not guess any more: it belongs to the wrong values: %v", why, err)
		}
		if judges.schema.Validate(document) == nil {
			t.Errorf("%s: the schema takes %s", why, said)
		}
	}
}

// What is Compose's own is judged by the schema that Compose publishes, and a
// part of a file is as right as a whole one.
func TestComposesOwnIsKnown(t *testing.T) {
	judges := newJudges(t)
	for text, right := range map[string]bool{
		"services: {app: {image: app, x-other: 1}}\n": true,
		"{}\n": true,
		"x-deploy: \nservices: {app: {x-deploy: }}\n":        true,
		"x-base: {x-deploy: {colour: red}}\n":                true,
		"services: {app: {image: app, colour: red}}\n":       false,
		"services: {app: {image: app, stop_signal: [15]}}\n": false,
	} {
		if err := judges.schema.Validate(parsed(t, text)); (err == nil) != right {
			t.Errorf("%s: %v", text, err)
		}
	}
}
