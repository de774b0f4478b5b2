package reference

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// extension is x-deploy: at the top level of a Compose file, and in a service.
type extension struct {
	top, service *section
}

// section is a mapping with known keys.
type section struct {
	// name is its Go type's.
	name, comment string
	keys          []key
	// words are what may stand for the whole mapping.
	words []string
}

// key is one key of a section.
type key struct {
	name, comment string
	shape         shape
	// initial is what counts where the file does not say it; nil for nothing.
	initial any
}

// shape is what a value looks like in a Compose file.
type shape struct {
	kind kind
	// allowed are all the texts that there are; nil for any.
	allowed []string
	// of is what a list is of.
	of *shape
	// section is a mapping's.
	section *section
}

type kind int

const (
	kindText kind = iota
	kindTruth
	kindWhole
	kindFraction
	kindDuration
	kindCommand // a program and its arguments, or a text for a shell
	kindList
	kindTexts // texts by names
	kindMapping
)

// allowed names what lists the texts that a key of plain text may have, by the
// field that it is decoded into.
var allowed = map[string]string{
	"Checklist.Items":         "ChecklistItems",
	"Migrations.Framework":    "FrameworkDjango",
	"Verification.Method":     "methods",
	"VerificationStep.Method": "methods",
}

// keyReader reads sections from the types that x-deploy is decoded into.
type keyReader struct {
	source   *source
	initial  map[string]any
	sections map[string]*section
}

func readExtension(ctx context.Context, written *source) (*extension, error) {
	initial, err := readInitial(ctx)
	if err != nil {
		return nil, err
	}
	reader := &keyReader{source: written, initial: initial, sections: map[string]*section{}}
	top, err := reader.section(reflect.TypeFor[deploy.Settings]())
	if err != nil {
		return nil, err
	}
	service, err := reader.section(reflect.TypeFor[deploy.ServiceSettings]())
	if err != nil {
		return nil, err
	}
	return &extension{top: top, service: service}, nil
}

func (r *keyReader) section(of reflect.Type) (*section, error) {
	if known, ok := r.sections[of.Name()]; ok {
		return known, nil
	}
	comment, err := meaning("deploy."+of.Name(), of.Name(), r.source.types[of.Name()])
	if err != nil {
		return nil, err
	}
	read := &section{name: of.Name(), comment: comment}
	r.sections[of.Name()] = read
	for _, field := range reflect.VisibleFields(of) {
		name := field.Tag.Get("mapstructure")
		if name == "-" {
			continue
		}
		path := of.Name() + "." + field.Name
		one := key{name: name, initial: r.initial[path]}
		if one.comment, err = meaning("deploy."+path, field.Name, r.source.fields[path]); err != nil {
			return nil, err
		}
		if one.shape, err = r.shape(field.Type, path); err != nil {
			return nil, err
		}
		read.keys = append(read.keys, one)
	}
	if of == reflect.TypeFor[deploy.Migrations]() {
		read.words, err = r.source.named(allowed["Migrations.Framework"])
	}
	return read, err
}

func (r *keyReader) shape(of reflect.Type, path string) (shape, error) {
	switch of {
	case reflect.TypeFor[time.Duration]():
		return shape{kind: kindDuration}, nil
	case reflect.TypeFor[deploy.CommandLine]():
		return shape{kind: kindCommand}, nil
	}
	switch of.Kind() {
	case reflect.Pointer:
		return r.shape(of.Elem(), path)
	case reflect.Bool:
		return shape{kind: kindTruth}, nil
	case reflect.Int:
		return shape{kind: kindWhole}, nil
	case reflect.Float64:
		return shape{kind: kindFraction}, nil
	case reflect.String:
		if list, ok := allowed[path]; ok {
			texts, err := r.source.named(list)
			return shape{allowed: texts}, err
		}
		if of.PkgPath() != "" {
			return shape{allowed: r.source.ofType(of.Name())}, nil
		}
		return shape{}, nil
	case reflect.Slice:
		element, err := r.shape(of.Elem(), path)
		return shape{kind: kindList, of: &element}, err
	case reflect.Map:
		if of.Key().Kind() == reflect.String && of.Elem().Kind() == reflect.String {
			return shape{kind: kindTexts}, nil
		}
	case reflect.Struct:
		inner, err := r.section(of)
		return shape{kind: kindMapping, section: inner}, err
	}
	return shape{}, fmt.Errorf("deploy.%s is a %s, which no key of x-deploy was before: say in mage/internal/reference how people write it", path, of)
}

// meaning is a comment without the Go name that it begins with, and without the
// key that it repeats: "Retain is how many…" is "How many…".
func meaning(path, name, comment string) (string, error) {
	rest, found := strings.CutPrefix(comment, name+" ")
	if !found {
		return "", fmt.Errorf("%s needs a comment of its own that begins with %s: it is what people read of the key", path, name)
	}
	for _, verb := range []string{"is ", "are "} {
		rest = strings.TrimPrefix(rest, verb)
	}
	return capital(repeated.ReplaceAllString(rest, "")), nil
}

var repeated = regexp.MustCompile(`^x-deploy\S*: `)

func capital(text string) string {
	if strings.HasPrefix(text, deploy.ExtensionKey) {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
