package deploy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

// decodeExtension decodes the value of an x-deploy into a settings struct and
// notes everything that does not fit: unknown keys, wrong types, numbers where
// a duration belongs. What could be decoded is, so that the other rules can
// still be checked and all mistakes come out together.
func decodeExtension(value, target any, path string, mistakes *Mistakes) {
	var metadata mapstructure.Metadata
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           target,
		Metadata:         &metadata,
		WeaklyTypedInput: true, // interpolated variables arrive as text
		DecodeHook:       mapstructure.ComposeDecodeHookFunc(decodeDuration, decodeFramework, decodeCommandLine),
	})
	if err != nil {
		mistakes.add(path, "cannot be decoded: %v", err)
		return
	}
	noteDecodeErrors(decoder.Decode(value), path, mistakes)
	for _, key := range metadata.Unused {
		parent, name := "", key
		if at := strings.LastIndex(key, "."); at >= 0 {
			parent, name = key[:at], key[at+1:]
		}
		allowed := allowedKeys(reflect.TypeOf(target), parent)
		hint := ""
		if near := Nearest(name, allowed, 1); len(near) > 0 {
			hint = fmt.Sprintf(" (did you mean %s?)", near[0])
		}
		mistakes.add(path+"."+key, "unknown key%s; allowed here: %s", hint, strings.Join(allowed, ", "))
	}
}

func decodeDuration(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("%v is not a duration: write a unit, such as 30s or 5m", value)
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a duration: write 500ms, 30s, 5m or 1h", text)
	}
	if duration < 0 {
		return nil, fmt.Errorf("%s is negative: a duration is 0s or more", text)
	}
	return duration, nil
}

// decodeFramework takes the one word "django" for all that it implies.
func decodeFramework(from, to reflect.Type, value any) (any, error) {
	if text, ok := value.(string); ok && to == reflect.TypeFor[Migrations]() {
		return map[string]any{"framework": text}, nil
	}
	return value, nil
}

// decodeCommandLine takes one text for a shell's.
func decodeCommandLine(from, to reflect.Type, value any) (any, error) {
	if text, ok := value.(string); ok && to == reflect.TypeFor[CommandLine]() {
		return []string{shell, "-c", text}, nil
	}
	return value, nil
}

// noteDecodeErrors unfolds mapstructure's tree of errors to one mistake a field.
func noteDecodeErrors(err error, path string, mistakes *Mistakes) {
	switch wrapped := err.(type) { //nolint:errorlint // each level of the tree is looked at
	case nil:
	case interface{ Unwrap() []error }:
		for _, one := range wrapped.Unwrap() {
			noteDecodeErrors(one, path, mistakes)
		}
	case *mapstructure.DecodeError:
		inner := wrapped.Unwrap()
		if _, more := inner.(interface{ Unwrap() []error }); more { //nolint:errorlint // as above
			noteDecodeErrors(inner, path, mistakes)
			return
		}
		mistakes.add(strings.TrimSuffix(path+"."+wrapped.Name(), "."), "%v", inner)
	case interface{ Unwrap() error }:
		noteDecodeErrors(wrapped.Unwrap(), path, mistakes)
	default:
		mistakes.add(path, "%v", err)
	}
}

// allowedKeys lists the keys of the settings struct that a dotted path, with
// list indices in it, leads to.
func allowedKeys(kind reflect.Type, path string) []string {
	for _, part := range strings.Split(path, ".") {
		kind = elem(kind)
		name, _, _ := strings.Cut(part, "[")
		if name == "" {
			continue
		}
		for at := range kind.NumField() {
			if kind.Field(at).Tag.Get("mapstructure") == name {
				kind = elem(kind.Field(at).Type)
				break
			}
		}
	}
	var keys []string
	if kind = elem(kind); kind.Kind() == reflect.Struct {
		for at := range kind.NumField() {
			if key := kind.Field(at).Tag.Get("mapstructure"); key != "-" {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func elem(kind reflect.Type) reflect.Type {
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	return kind
}
