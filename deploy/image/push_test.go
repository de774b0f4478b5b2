package image

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"
)

// engine answers pushes with one text after the other, and keeps the login of
// the last.
type engine struct {
	answers []string
	pushes  int
	login   map[string]string
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/push") {
		return // the ping
	}
	header, _ := base64.URLEncoding.DecodeString(r.Header.Get("X-Registry-Auth"))
	e.login = map[string]string{}
	_ = json.Unmarshal(header, &e.login)
	fmt.Fprintln(w, e.answers[min(e.pushes, len(e.answers)-1)])
	e.pushes++
}

func (e *engine) publisher(t *testing.T) *Publisher { return publisherOf(t, e) }

// publisherOf pushes from an engine that this handler is.
func publisherOf(t *testing.T, engine http.Handler) *Publisher {
	t.Helper()
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	docker, err := client.NewClientWithOpts(client.WithHost("tcp://"+server.Listener.Addr().String()), client.WithVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { docker.Close() })
	return &Publisher{Docker: docker, Keychain: fixedLogin{"anna", "hunter2"}, pauses: []time.Duration{1, 1}}
}

const pushedAnswer = `{"status":"The push refers to repository [registry.example/shop/backend]"}
{"status":"Preparing","progressDetail":{},"id":"aaa"}
{"status":"Pushing","progressDetail":{"current":10,"total":40},"id":"aaa"}
{"status":"Layer already exists","progressDetail":{},"id":"bbb"}
{"status":"Mounted from shop/base","progressDetail":{},"id":"ccc"}
{"status":"Pushing","progressDetail":{"current":5,"total":5},"id":"ddd"}
{"status":"Pushing","progressDetail":{"current":44,"total":40},"id":"aaa"}
{"status":"Pushed","progressDetail":{},"id":"ddd"}
{"status":"Pushed","progressDetail":{},"id":"aaa"}
{"progressDetail":{},"aux":{"Tag":"v1","Digest":"sha256:7d4f","Size":1234}}`

func TestPushReadsTheEnginesMessages(t *testing.T) {
	engine := &engine{answers: []string{pushedAnswer}}
	var seen []string
	pushed, err := engine.publisher(t).Push(t.Context(), "127.0.0.1:1/shop/backend:v1", func(current, total int64) {
		seen = append(seen, fmt.Sprintf("%d/%d", current, total))
	})
	if err != nil {
		t.Fatal(err)
	}
	if pushed.Digest != "sha256:7d4f" || pushed.Reference != "127.0.0.1:1/shop/backend:v1" || pushed.Uploaded != 2 || pushed.Present != 2 {
		t.Errorf("got %+v", pushed)
	}
	if got, want := strings.Join(seen, " "), "10/40 15/45 49/49"; got != want {
		t.Errorf("progress was %s, want %s", got, want)
	}
	if engine.login["username"] != "anna" || engine.login["password"] != "hunter2" {
		t.Errorf("the engine got %v", engine.login)
	}
}

func TestPushTriesAgainWhatMayPass(t *testing.T) {
	refusal := func(text string) string { return fmt.Sprintf(`{"errorDetail":{"message":%q},"error":%q}`, text, text) }
	for _, test := range []struct {
		answers []string
		pushes  int
		want    string
		is      error
	}{
		{[]string{refusal("received unexpected HTTP status: 503 Service Unavailable"), refusal("write tcp: connection reset by peer"), pushedAnswer}, 3, "", nil},
		{[]string{refusal("received unexpected HTTP status: 502 Bad Gateway")}, 3, "dropped the connection, also when asked again; nothing was sent and no tag was moved", nil},
		{[]string{`{"status":"Preparing","id":"a"}` + "\n" + `{"status":"Preparing","id":"b"}` + "\n" + `{"status":"Pushed","id":"a"}` + "\n" + refusal("unexpected EOF")}, 3, "1 of 2 layers are there and no tag was moved", nil},
		{[]string{refusal("toomanyrequests: You have reached your pull rate limit")}, 3, "asked too often", nil},
		{[]string{refusal("unauthorized: authentication required")}, 1, "log in: docker login 127.0.0.1:1", nil},
		{[]string{refusal("no basic auth credentials")}, 1, "does not accept the login from the keychain that was given", nil},
		{[]string{refusal("denied: requested access to the resource is denied")}, 1, "may not write to shop/backend", nil},
		{[]string{refusal("name unknown: no such project")}, 1, "has no repository shop/backend", ErrNotFound},
		{[]string{refusal("error parsing HTTP 404 response body: invalid character 'N'")}, 1, "has no repository shop/backend", ErrNotFound},
		{[]string{refusal("An image does not exist locally with the tag: registry.example/shop/backend")}, 1, "build it first", ErrNotFound},
		{[]string{refusal("tag does not exist: registry.example/shop/backend:v1")}, 1, "build it first", ErrNotFound},
		{[]string{refusal(`Get "https://registry.example/v2/": dial tcp 192.0.2.1:443: connect: connection refused`)}, 1, "check the registry's name", ErrUnreachable},
		{[]string{refusal(`Get "https://registry.example/v2/": http: server gave HTTP response to HTTPS client`)}, 1, "plain HTTP", nil},
		{[]string{refusal(`Get "https://registry.example/v2/": x509: certificate signed by unknown authority`)}, 1, "not trusted", nil},
	} {
		engine := &engine{answers: test.answers}
		_, err := engine.publisher(t).Push(t.Context(), "127.0.0.1:1/shop/backend:v1", nil)
		if engine.pushes != test.pushes {
			t.Errorf("%.60s: %d pushes, want %d", test.answers[0], engine.pushes, test.pushes)
		}
		if failed := test.want != "" || test.is != nil; failed != (err != nil) {
			t.Errorf("%.60s: got %v", test.answers[0], err)
		} else if failed && (!strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is)) {
			t.Errorf("%.60s: got %v, want %q and %v", test.answers[0], err, test.want, test.is)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestPushAsksTheRegistryForTheDigestThatTheEngineKeepsBack(t *testing.T) {
	reference := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend:v1"
	want := put(t, reference)
	engine := &engine{answers: []string{`{"status":"Pushed","progressDetail":{},"id":"aaa"}`}}
	publisher := engine.publisher(t)
	pushed, err := publisher.Push(t.Context(), reference, nil)
	if err != nil || pushed.Digest != want {
		t.Errorf("got %+v, %v, want %s", pushed, err, want)
	}
}

func TestPushAsksForTheRightsFirst(t *testing.T) {
	for status, want := range map[int]string{401: "docker login", 403: "may not write to shop/backend", 404: "has no repository shop/backend"} {
		host, _ := refusing(t, status, "DENIED")
		engine := &engine{answers: []string{pushedAnswer}}
		_, err := engine.publisher(t).Push(t.Context(), host+"/shop/backend:v1", nil)
		if err == nil || !strings.Contains(err.Error(), want) || engine.pushes != 0 {
			t.Errorf("%d: got %v after %d pushes", status, err, engine.pushes)
		}
	}
}

func TestPushWithoutAnEngine(t *testing.T) {
	docker, err := client.NewClientWithOpts(client.WithHost("unix://"+t.TempDir()+"/docker.sock"), client.WithVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Publisher{Docker: docker}).Push(t.Context(), "127.0.0.1:1/shop/backend:v1", nil)
	if err == nil || !strings.Contains(err.Error(), engineHint) {
		t.Errorf("got %v", err)
	}
	project := load(t, t.TempDir(), `services: {a: {build: .}}`, nil)
	_, err = (&Builder{Docker: docker}).Build(t.Context(), project, nil, Options{})
	if err == nil || !strings.Contains(err.Error(), engineHint) {
		t.Errorf("got %v", err)
	}
}
