package image

import (
	"bytes"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// keptLines is how many of a step's last lines an error shows.
const keptLines = 12

// steps follows one build: it hides secrets in what passes through, and keeps
// the last lines of each step for the error.
type steps struct {
	// prefix names the build in the shared display; empty where it is alone.
	prefix string
	hide   *strings.Replacer
	byID   map[digest.Digest]*step
	// failed are in the order in which they failed.
	failed []*step
}

// step is one instruction of a Dockerfile, or one of BuildKit's own.
type step struct {
	name  string
	lines []string
	// partial is a line whose end was not printed yet, by stream. A secret
	// may be cut in two by the chunks in which output arrives; whole lines
	// are not.
	partial map[int][]byte
	ended   bool
}

func newSteps(prefix string, secrets map[string][]byte) *steps {
	return &steps{prefix: prefix, hide: hider(secrets), byID: map[digest.Digest]*step{}}
}

// hider replaces secret values, whole or line by line. Values of under four
// characters hide nothing and would only garble the text.
func hider(secrets map[string][]byte) *strings.Replacer {
	var values []string
	add := func(value string) {
		if value = strings.TrimSpace(value); len(value) >= 4 {
			values = union(values, value)
		}
	}
	for _, secret := range secrets {
		add(string(secret))
		for line := range strings.Lines(string(secret)) {
			add(line)
		}
	}
	// Longest first: one secret may begin with another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range values {
		pairs = append(pairs, value, "***")
	}
	return strings.NewReplacer(pairs...)
}

// observe records a status and changes it into what may be shown.
func (s *steps) observe(status *client.SolveStatus) *client.SolveStatus {
	for _, vertex := range status.Vertexes {
		step := s.step(vertex.Digest)
		step.name = s.hide.Replace(vertex.Name)
		if vertex.Error != "" && !step.ended && !strings.Contains(vertex.Error, "context canceled") {
			s.failed = append(s.failed, step)
		}
		step.ended = step.ended || vertex.Completed != nil
		vertex.Name = prefixed(s.prefix, step.name)
		vertex.Error = s.hide.Replace(vertex.Error)
	}
	var shown []*client.VertexLog
	for _, log := range status.Logs {
		step := s.step(log.Vertex)
		if log.Data = s.take(step, log.Stream, log.Data); len(log.Data) > 0 {
			shown = append(shown, log)
		}
	}
	for _, vertex := range status.Vertexes {
		if vertex.Completed == nil {
			continue
		}
		step := s.step(vertex.Digest)
		for stream := range step.partial {
			if rest := s.take(step, stream, []byte("\n")); len(rest) > 0 {
				shown = append(shown, &client.VertexLog{
					Vertex: vertex.Digest, Stream: stream, Data: rest, Timestamp: *vertex.Completed,
				})
			}
		}
	}
	status.Logs = shown
	return status
}

func (s *steps) step(id digest.Digest) *step {
	if s.byID[id] == nil {
		s.byID[id] = &step{partial: map[int][]byte{}}
	}
	return s.byID[id]
}

// take adds output to a step and gives what is whole by now, secrets hidden.
func (s *steps) take(step *step, stream int, data []byte) []byte {
	data = append(step.partial[stream], data...)
	end := bytes.LastIndexAny(data, "\r\n") + 1
	if rest := data[end:]; len(rest) > 0 {
		step.partial[stream] = bytes.Clone(rest)
	} else {
		delete(step.partial, stream)
	}
	whole := s.hide.Replace(string(data[:end]))
	for line := range strings.FieldsFuncSeq(whole, func(r rune) bool { return r == '\r' || r == '\n' }) {
		step.lines = append(step.lines, line)
	}
	step.lines = step.lines[max(0, len(step.lines)-keptLines):]
	return []byte(whole)
}

// failure gives the step that ended the build, with its last lines.
func (s *steps) failure() (name string, lines []string) {
	for _, step := range s.failed {
		if len(step.lines) > 0 {
			return step.name, step.lines
		}
	}
	if len(s.failed) > 0 {
		return s.failed[0].name, nil
	}
	return "", nil
}

// prefixed puts a build's name before a step's: "[2/3] RUN x" becomes
// "[backend 2/3] RUN x".
func prefixed(prefix, name string) string {
	if prefix == "" {
		return name
	}
	if rest, ok := strings.CutPrefix(name, "["); ok {
		return "[" + prefix + " " + rest
	}
	return "[" + prefix + "] " + name
}
