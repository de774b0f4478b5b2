package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// source is what stands in the Go files of the domain and reflection cannot
// tell: comments, and constants by their types.
type source struct {
	// types and fields are comments, by "Watch" and by "Watch.Requests".
	types, fields map[string]string
	// constants are those of text and of numbers, in the order of their files.
	constants []constant
	// lists are the variables that list texts, by name.
	lists map[string][]ast.Expr
}

type constant struct {
	name, kind, comment string
	// value is as it is written.
	value *ast.BasicLit
}

func readSource(folder string) (*source, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	read := &source{types: map[string]string{}, fields: map[string]string{}, lists: map[string][]ast.Expr{}}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, declared := range file.Decls {
			if general, ok := declared.(*ast.GenDecl); ok {
				read.declaration(general)
			}
		}
	}
	return read, nil
}

func (s *source) declaration(general *ast.GenDecl) {
	for _, spec := range general.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			comment := general.Doc
			if spec.Doc != nil {
				comment = spec.Doc
			}
			s.types[spec.Name.Name] = sentence(comment)
			if fields, ok := spec.Type.(*ast.StructType); ok {
				s.structure(spec.Name.Name, fields)
			}
		case *ast.ValueSpec:
			s.value(spec)
		}
	}
}

func (s *source) structure(name string, structure *ast.StructType) {
	for _, field := range structure.Fields.List {
		for _, one := range field.Names {
			s.fields[name+"."+one.Name] = sentence(field.Doc)
		}
	}
}

// value notes a constant, or a variable that lists something.
func (s *source) value(spec *ast.ValueSpec) {
	if len(spec.Names) != 1 || len(spec.Values) != 1 {
		return
	}
	name := spec.Names[0].Name
	switch value := spec.Values[0].(type) {
	case *ast.BasicLit:
		one := constant{name: name, comment: sentence(spec.Doc), value: value}
		if kind, ok := spec.Type.(*ast.Ident); ok {
			one.kind = kind.Name
		}
		s.constants = append(s.constants, one)
	case *ast.CompositeLit:
		s.lists[name] = value.Elts
	}
}

// sentence is a comment on one line.
func sentence(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

// ofType gives the texts that a type of the domain has constants for.
func (s *source) ofType(kind string) []string {
	var texts []string
	for _, one := range s.constants {
		if one.kind == kind && one.value.Kind == token.STRING {
			texts = append(texts, one.text())
		}
	}
	return texts
}

// named gives the text of a constant, or those of a variable that lists some.
func (s *source) named(name string) ([]string, error) {
	for _, one := range s.constants {
		if one.name == name {
			return []string{one.text()}, nil
		}
	}
	var texts []string
	for _, element := range s.lists[name] {
		switch element := element.(type) {
		case *ast.Ident:
			of, err := s.named(element.Name)
			if err != nil {
				return nil, err
			}
			texts = append(texts, of...)
		case *ast.BasicLit:
			texts = append(texts, constant{value: element}.text())
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("deploy.%s is neither a constant nor a list of texts any more", name)
	}
	return texts, nil
}

func (c constant) text() string {
	if text, err := strconv.Unquote(c.value.Value); err == nil {
		return text
	}
	return c.value.Value
}

// status is an exit status and what it means.
type status struct{ number, meaning string }

// statuses gives the exit statuses: the constants named Exit….
func (s *source) statuses() ([]status, error) {
	statuses := []status{{"0", "Done, or nothing to do."}}
	for _, one := range s.constants {
		if !strings.HasPrefix(one.name, "Exit") || one.value.Kind != token.INT {
			continue
		}
		meaning, found := strings.CutPrefix(one.comment, one.name+": ")
		if !found {
			return nil, fmt.Errorf("the comment of deploy.%s does not begin with %q", one.name, one.name+": ")
		}
		statuses = append(statuses, status{one.value.Value, capital(meaning)})
	}
	return statuses, nil
}
