package starter

import (
	"regexp"
	"strings"
)

// secrets puts variables in the place of what is secret in a Compose file, so
// that no environment runs with a value that is in git.
type secrets struct {
	// literals are the values that a variable already stands for, names the
	// other way round.
	literals, names map[string]string
}

func newSecrets() *secrets {
	return &secrets{literals: map[string]string{}, names: map[string]string{}}
}

var (
	secretKey = regexp.MustCompile(`(?i)passw(?:or)?d|passphrase|secret|token|api_?key|private_?key|access_?key|encryption_?key|master_?key|app_?key|signing|salt|credential|(?:^|_)pass$|(?:^|_)pw$|webhook|_dsn$|_keys?$|^neo4j_auth$`)
	// notSecret are keys that only sound like it.
	notSecret = regexp.MustCompile(`(?i)_file$|_ttl$|expir|lifetime|length|rounds|allow_|random_|_min|_max|public|_days$|_hours$|_minutes$|_algorithm$|_header$|_name$|_enabled$|_url$|_path$`)
	noSecret  = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|none|null)?$|^/(?:run/secrets|etc)/`)
	inText    = regexp.MustCompile(`(?i)((?:^|[;\s?&])(?:password|pwd|token|api_?key|access_?key|secret)=)([^;&\s]+)`)
	// optionSecret is a password among the options of a mount.
	optionSecret = regexp.MustCompile(`(?i)(?:^|,)pass(?:word)?=[^,]+`)
	// webhook is an address that lets whoever knows it write.
	webhook     = regexp.MustCompile(`hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/`)
	login       = regexp.MustCompile(`(://[^:/@\s]*:)([^@/\s]+)(@)`)
	withDefault = regexp.MustCompile(`\$\{(\w+):?-([^{}]*)\}`)
	onlyDefault = regexp.MustCompile(`^\$\{(\w+):?-([^{}]*)\}$`)
	anyVariable = regexp.MustCompile(`\$\{[^}]*\}|\$\w+|\$\$`)
	secretFlag  = regexp.MustCompile(`(?i)(?:--?(?:requirepass|password|passwd|pass|secret|token|api-key|accesstoken|pwd)[ =]+)['"]?([^\s'"@]+)`)
	shortFlag   = regexp.MustCompile(`\b(?:mysql|mariadb)\w*\b.*?\s-p([^\s$]\S*)`)
)

// secretName says whether a key names a secret.
func secretName(key string) bool { return secretKey.MatchString(key) && !notSecret.MatchString(key) }

// replace gives a value without its secrets, and the variables that stand for
// them; none where there is no secret in it.
func (s *secrets) replace(service, key, value string) (replaced string, variables []string) {
	if secretName(key) {
		if found := onlyDefault.FindStringSubmatch(value); found != nil {
			if noSecret.MatchString(found[2]) {
				return value, nil
			}
			return "${" + found[1] + "}", []string{found[1]}
		}
		if noSecret.MatchString(anyVariable.ReplaceAllString(value, "")) {
			return value, nil
		}
		name := s.variable(service, key, value)
		return "${" + name + "}", []string{name}
	}
	if webhook.MatchString(value) || holds(value) && !login.MatchString(anyVariable.ReplaceAllString(value, "")) {
		name := s.variable(service, key, value)
		return "${" + name + "}", []string{name}
	}
	return s.inLogin(service, key, value)
}

// inLogin replaces the password of an address, if it has one.
func (s *secrets) inLogin(service, key, value string) (string, []string) {
	var variables []string
	// A password that is a variable with a default loses the default.
	plain := withDefault.ReplaceAllStringFunc(value, func(match string) string {
		found := withDefault.FindStringSubmatch(match)
		if secretName(found[1]) && !noSecret.MatchString(found[2]) {
			variables = append(variables, found[1])
			return "${" + found[1] + "}"
		}
		return match
	})
	found := login.FindStringSubmatch(anyVariable.ReplaceAllString(plain, ""))
	if found == nil {
		found = inText.FindStringSubmatch(anyVariable.ReplaceAllString(plain, ""))
	}
	if found == nil {
		return plain, variables
	}
	if name, known := s.literals[found[2]]; known && strings.Contains(plain, found[0]) {
		return strings.Replace(plain, found[0], strings.Replace(found[0], found[2], "${"+name+"}", 1), 1), append(variables, name)
	}
	name := s.variable(service, key, value)
	return "${" + name + "}", append(variables, name)
}

// notName is what the name of a variable cannot have.
var notName = regexp.MustCompile(`\W`)

var password = regexp.MustCompile(`(?i)passw(?:or)?d|(?:^|_)pass$|(?:^|_)pw$`)

// variable names the variable for a value: the key, or with the service before
// it where the key stands for another value. One password under several keys is
// one variable.
func (s *secrets) variable(service, key, value string) string {
	if password.MatchString(key) {
		if name, known := s.literals[value]; known {
			return name
		}
	}
	name := notName.ReplaceAllString(key, "_")
	if other, taken := s.names[name]; taken && other != value {
		name = strings.ToUpper(notName.ReplaceAllString(service, "_")) + "_" + name
	}
	s.names[name] = value
	if password.MatchString(key) {
		s.literals[value] = name
	}
	return name
}

// holds says whether a command line has a secret of its own in it.
func holds(line string) bool {
	for _, found := range secretFlag.FindAllStringSubmatch(line, -1) {
		if !strings.HasPrefix(found[1], "$") {
			return true
		}
	}
	plain := anyVariable.ReplaceAllString(line, "")
	return login.MatchString(plain) || shortFlag.MatchString(line)
}

// without gives a copy of a part of a Compose file that is written again, with
// variables in the place of what is secret in it.
func (s *secrets) without(owner, key string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := map[string]any{}
		for _, name := range sortedKeys(value) {
			copied[name] = s.without(owner, name, value[name])
		}
		return copied
	case []any:
		var copied []any
		for _, entry := range value {
			copied = append(copied, s.without(owner, key, entry))
		}
		return copied
	case string:
		if inText.MatchString(anyVariable.ReplaceAllString(value, "")) || optionSecret.MatchString(anyVariable.ReplaceAllString(value, "")) {
			return "${" + s.variable(owner, strings.ToUpper(owner+"_"+key), value) + "}"
		}
		replaced, _ := s.replace(owner, key, value)
		return replaced
	}
	return value
}
