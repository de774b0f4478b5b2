package deploy

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// secretName matches the names of variables whose values are secret.
var secretName = regexp.MustCompile(`(?i)secret|passw|token|key|credential|auth|dsn|_url$|_uri$|private`)

// SecretName says whether a variable of that name has a value that nobody may
// read.
func SecretName(name string) bool { return secretName.MatchString(name) }

// shortestSecret is what a value must have for its occurrences to be replaced
// wherever they are: shorter ones are replaced as whole words only.
const shortestSecret = 6

// Redactor takes secrets out of texts.
type Redactor struct {
	names    map[string]string
	replacer *strings.Replacer
	short    []*regexp.Regexp
}

// NewRedactor knows the secrets among variables: the values of those with a
// secret's name, and the passwords in addresses, as they stand and as JSON and
// addresses write them.
func NewRedactor(variables ...map[string]string) *Redactor {
	r := &Redactor{names: map[string]string{}}
	for _, one := range variables {
		for name, value := range one {
			r.learn(name, value)
		}
	}
	values := slices.Sorted(maps.Keys(r.names))
	slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, value := range values {
		if len(value) >= shortestSecret {
			pairs = append(pairs, value, "$"+r.names[value])
		} else {
			r.short = append(r.short, regexp.MustCompile(`(^|[^0-9A-Za-z])`+regexp.QuoteMeta(value)+`($|[^0-9A-Za-z])`))
		}
	}
	r.replacer = strings.NewReplacer(pairs...)
	return r
}

func (r *Redactor) learn(name, value string) {
	address, err := url.Parse(value)
	isAddress := err == nil && address.Host != "" && address.User != nil
	if isAddress {
		if password, ok := address.User.Password(); ok {
			r.add(name, password)
		}
		if _, after, ok := strings.Cut(value, "://"); ok { // as it is written, encoded
			login, _, _ := strings.Cut(after, "@")
			_, password, _ := strings.Cut(login, ":")
			r.add(name, password)
		}
	}
	if SecretName(name) || isAddress {
		r.add(name, value)
	}
}

// plainWords are values that are no secrets, whatever their variable is called.
var plainWords = []string{"true", "false", "none", "null", "yes", "no", "on", "off", "localhost"}

// shortestWord is from where on a short value is replaced as a word.
const shortestWord = 3

func (r *Redactor) add(name, value string) {
	if len(value) < shortestWord || slices.Contains(plainWords, strings.ToLower(value)) {
		return
	}
	r.names[value] = name
	r.names[url.QueryEscape(value)] = name
	r.names[url.PathEscape(value)] = name
	if quoted, err := json.Marshal(value); err == nil {
		r.names[string(quoted[1:len(quoted)-1])] = name
	}
}

var (
	// loginIn is the part of an address that has a password in it.
	loginIn = regexp.MustCompile(`://[^\s/@"']*:[^\s/@"']*@`)
	// saidSecret is what a log says of a secret by its name.
	saidSecret = regexp.MustCompile(`(?i)\b([\w-]*(?:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key|authorization)\b["']?\s*[:=]\s*["']?)((?:bearer|basic|token)\s+)?[^\s"',;&]{3,}`)
	// bearer is a login in a header.
	bearer = regexp.MustCompile(`(?i)\b(bearer|basic) [A-Za-z0-9+/_=.~-]{8,}`)
	// privateKey is a key in a file.
	privateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----`)
)

const hiddenValue = "(hidden)"

// Redact takes the secrets out of a text: the known ones are replaced by their
// variables' names, and what looks like one is left out.
func (r *Redactor) Redact(text string) string {
	text = privateKey.ReplaceAllString(text, hiddenValue)
	text = r.replacer.Replace(text)
	for _, short := range r.short {
		text = short.ReplaceAllString(text, "${1}"+hiddenValue+"${2}")
	}
	text = loginIn.ReplaceAllString(text, "://"+hiddenValue+"@")
	text = saidSecret.ReplaceAllStringFunc(text, func(found string) string {
		parts := saidSecret.FindStringSubmatch(found)
		if value := found[len(parts[1])+len(parts[2]):]; strings.HasPrefix(value, "$") {
			return found // a name stands there already
		}
		return parts[1] + hiddenValue
	})
	return bearer.ReplaceAllString(text, "${1} "+hiddenValue)
}
