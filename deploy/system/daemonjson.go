package system

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// daemonFile is where the engine reads its configuration unless it is told
// otherwise.
const daemonFile = "/etc/docker/daemon.json"

// The keys of daemon.json that matter here. Each is also a flag of dockerd,
// and one that stands in both places keeps the engine from starting.
const (
	keyDriver      = "log-driver"
	keyLogs        = "log-opts"
	keyLiveRestore = "live-restore"
)

// rotation are the options of json-file that bound what a container's log
// takes of the disk. The driver itself has no bound.
var rotation = []member{{"max-size", "10m"}, {"max-file", "3"}}

// member is a key with its value in an object: a string, a bool or members.
type member struct {
	key   string
	value any
}

// daemonJSON is the text of the engine's configuration. It is only ever added
// to: what somebody else wrote keeps its place, its form and its value.
type daemonJSON struct {
	text []byte
	top  map[string]json.RawMessage
	// driver is the log driver; empty where none stands there.
	driver string
	logs   map[string]json.RawMessage
	// liveRestore is nil where nothing stands there.
	liveRestore *bool
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readDaemonJSON reads the text, and says where it is wrong. An empty text is
// an empty configuration, to the engine too.
func readDaemonJSON(text []byte) (*daemonJSON, error) {
	if len(bytes.TrimSpace(bytes.TrimPrefix(text, byteOrderMark))) == 0 {
		text = []byte("{}\n")
	}
	d := &daemonJSON{text: text}
	content := bytes.TrimPrefix(text, byteOrderMark)
	if err := json.Unmarshal(content, &d.top); err != nil {
		return nil, d.misread(err, 0)
	}
	if d.top == nil {
		return nil, errors.New("line 1, column 1: an object is needed, not null")
	}
	for _, one := range []struct {
		key  string
		into any
	}{{keyDriver, &d.driver}, {keyLogs, &d.logs}, {keyLiveRestore, &d.liveRestore}} {
		value, stands := d.top[one.key]
		if !stands {
			continue
		}
		if err := json.Unmarshal(value, one.into); err != nil {
			return nil, d.misread(fmt.Errorf("%s: %w", one.key, err), d.start(one.key))
		}
	}
	if _, stands := d.top[keyLogs]; stands && d.logs == nil {
		return nil, d.misread(fmt.Errorf("%s: an object is needed, not null", keyLogs), d.start(keyLogs))
	}
	return d, nil
}

// misread adds the place to an error: the error's own, or the given offset.
func (d *daemonJSON) misread(err error, offset int) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && offset == 0 {
		// The offset counts the byte that was too much.
		offset = max(0, int(syntax.Offset)-1)
	}
	before := bytes.TrimPrefix(d.text, byteOrderMark)
	before = before[:min(offset, len(before))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// start gives where the value of a key at the top begins, after the mark.
func (d *daemonJSON) start(key string) int {
	top, err := readObject(bytes.TrimPrefix(d.text, byteOrderMark), 0)
	if err != nil {
		return 0
	}
	return top.starts[key]
}

// given are the keys that the engine's command line has set.
type given map[string]bool

// flagsGiven reads the command line of dockerd, and where it is told to read
// its configuration; empty where it is not told.
func flagsGiven(arguments []string) (flags given, file string) {
	flags = given{}
	for at, argument := range arguments {
		name, value, joined := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if !strings.HasPrefix(argument, "--") {
			continue
		}
		switch name {
		case keyDriver, keyLiveRestore:
			flags[name] = true
		case "log-opt":
			flags[keyLogs] = true
		case "config-file":
			if file = value; !joined && at+1 < len(arguments) {
				file = arguments[at+1]
			}
		}
	}
	return flags, file
}

// rotates says whether the driver bounds its logs by rotation's options. Every
// other driver is somebody's choice, and most refuse those options.
func (d *daemonJSON) rotates() bool { return d.driver == "" || d.driver == "json-file" }

// missingLogs are what is to be added at the top and to log-opts.
func (d *daemonJSON) missingLogs(flags given) (top, logs []member) {
	if flags[keyDriver] || flags[keyLogs] || !d.rotates() {
		return nil, nil
	}
	if d.driver == "" {
		top = append(top, member{keyDriver, "json-file"})
	}
	if d.logs == nil {
		return append(top, member{keyLogs, rotation}), nil
	}
	for _, option := range rotation {
		if _, stands := d.logs[option.key]; !stands {
			logs = append(logs, option)
		}
	}
	return top, logs
}

// missingLiveRestore is what is to be added at the top.
func (d *daemonJSON) missingLiveRestore(flags given, swarm bool) []member {
	if swarm || flags[keyLiveRestore] || d.liveRestore != nil {
		return nil
	}
	return []member{{keyLiveRestore, true}}
}

// with gives the text with everything added that is missing; the same text
// where nothing is.
func (d *daemonJSON) with(flags given, swarm bool) ([]byte, error) {
	top, logs := d.missingLogs(flags)
	top = append(top, d.missingLiveRestore(flags, swarm)...)
	mark := d.text[:len(d.text)-len(bytes.TrimPrefix(d.text, byteOrderMark))]
	text := d.text[len(mark):]
	outer, err := readObject(text, 0)
	if err != nil {
		return nil, err
	}
	if len(logs) > 0 {
		inner, err := readObject(text, outer.starts[keyLogs])
		if err != nil {
			return nil, err
		}
		text = inner.add(text, logs, outer.gap(""))
		if outer, err = readObject(text, 0); err != nil {
			return nil, err
		}
	}
	if len(top) > 0 {
		text = outer.add(text, top, "\n")
	}
	return slices.Concat(mark, text), nil
}

// object is where the parts of an object stand in a text.
type object struct {
	// open is behind its brace, last behind its last value, end at its closing
	// brace.
	open, last, end int
	// lead is what stands between the brace and the first key.
	lead   string
	starts map[string]int
}

// readObject finds the parts of the object that begins at or after a place.
func readObject(text []byte, from int) (object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text[from:]))
	at := func() int { return from + int(decoder.InputOffset()) }
	if _, err := decoder.Token(); err != nil {
		return object{}, err
	}
	o := object{open: at(), last: at(), starts: map[string]int{}}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return object{}, err
		}
		if len(o.starts) == 0 {
			inside := string(text[o.open:at()])
			o.lead = inside[:len(inside)-len(strings.TrimLeft(inside, " \t\r\n"))]
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return object{}, err
		}
		o.last = at()
		o.starts[key.(string)] = o.last - len(value)
	}
	_, err := decoder.Token()
	o.end = at() - 1
	return o, err
}

// gap is what stands before each member: a line's end and an indentation, or a
// blank where the object stands on one line. An empty object gets lines of its
// own below those of the one that it stands in.
func (o object) gap(outer string) string {
	switch {
	case o.last == o.open && strings.Contains(outer, "\n"):
		return outer + indentation(outer)
	case strings.Contains(o.lead, "\n"):
		return o.lead[strings.LastIndex(o.lead, "\n"):]
	}
	return " "
}

// indentation is one step inwards, in the manner of the lines that are there.
func indentation(gap string) string {
	if strings.HasSuffix(gap, "\t") {
		return "\t"
	}
	return "  "
}

// add gives the text with members added behind the object's last one.
func (o object) add(text []byte, members []member, outer string) []byte {
	gap := o.gap(outer)
	var added strings.Builder
	for number, one := range members {
		if number > 0 || o.last > o.open {
			added.WriteString(",")
		}
		added.WriteString(gap + one.form(gap))
	}
	rest := text[o.last:]
	if o.last == o.open {
		rest = text[o.end:]
		if strings.Contains(gap, "\n") {
			added.WriteString(outer)
		}
	}
	return slices.Concat(text[:o.last], []byte(added.String()), rest)
}

// form writes a member as the lines around it are written.
func (m member) form(gap string) string {
	members, nested := m.value.([]member)
	if !nested {
		value, _ := json.Marshal(m.value) // a string or a bool
		return fmt.Sprintf("%q: %s", m.key, value)
	}
	inner, end := "", ""
	if strings.Contains(gap, "\n") {
		inner, end = gap+indentation(gap), gap
	}
	var parts []string
	for _, one := range members {
		parts = append(parts, inner+one.form(inner))
	}
	separator := ","
	if inner == "" {
		separator = ", "
	}
	return fmt.Sprintf("%q: {%s%s}", m.key, strings.Join(parts, separator), end)
}

// withoutConfigFile gives arguments of dockerd without the one that names its
// configuration.
func withoutConfigFile(arguments []string) []string {
	var rest []string
	for at := 0; at < len(arguments); at++ {
		switch {
		case arguments[at] == "--config-file":
			at++
		case !strings.HasPrefix(arguments[at], "--config-file="):
			rest = append(rest, arguments[at])
		}
	}
	return rest
}
