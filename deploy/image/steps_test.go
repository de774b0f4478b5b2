package image

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

func TestStepsHideSecretsAcrossChunks(t *testing.T) {
	steps := newSteps("backend", map[string][]byte{
		"token": []byte("s3cr3t\n"),
		"key":   []byte("-----BEGIN-----\nMIIEvQ\n-----END-----\n"),
		"short": []byte("ab"),
	})
	id, now := digest.FromString("run"), time.Now()
	vertex := client.Vertex{Digest: id, Name: "[2/3] RUN curl -u s3cr3t", Started: &now}
	logged := func(vertex client.Vertex, chunks ...string) string {
		status := &client.SolveStatus{Vertexes: []*client.Vertex{&vertex}}
		for _, chunk := range chunks {
			status.Logs = append(status.Logs, &client.VertexLog{Vertex: id, Stream: 1, Data: []byte(chunk)})
		}
		var shown strings.Builder
		for _, log := range steps.observe(status).Logs {
			shown.Write(log.Data)
		}
		return vertex.Name + "|" + vertex.Error + "|" + shown.String()
	}
	got := logged(vertex, "about to use s3c")
	if want := "[backend 2/3] RUN curl -u ***||"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := logged(vertex, "r3t\r", "key MIIEvQ\nabout "), "[backend 2/3] RUN curl -u ***||about to use ***\rkey ***\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	vertex.Completed, vertex.Error = &now, "process s3cr3t failed"
	if got, want := logged(vertex, "s3cr3t"), "[backend 2/3] RUN curl -u ***|process *** failed|about ***\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	name, lines := steps.failure()
	if name != "[2/3] RUN curl -u ***" || !slices.Equal(lines, []string{"about to use ***", "key ***", "about ***"}) {
		t.Errorf("the failure is %q %q", name, lines)
	}
}

func TestStepsKeepTheLastLines(t *testing.T) {
	steps := newSteps("", nil)
	id, now := digest.FromString("run"), time.Now()
	steps.observe(&client.SolveStatus{
		Vertexes: []*client.Vertex{
			{Digest: digest.FromString("other"), Name: "cancelled", Completed: &now, Error: "context canceled"},
			{Digest: id, Name: "[1/1] RUN make", Completed: &now, Error: "exit code: 2"},
		},
		Logs: []*client.VertexLog{{Vertex: id, Data: []byte(strings.Repeat("line\n", 100) + "last\n")}},
	})
	name, lines := steps.failure()
	if name != "[1/1] RUN make" || len(lines) != keptLines || lines[keptLines-1] != "last" {
		t.Errorf("got %q, %d lines", name, len(lines))
	}
}
