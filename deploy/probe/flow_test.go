package probe

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// newShop is a shop whose order needs the token of its catalogue and the cookie
// that came with it, as Django's do.
func newShop(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /catalogue", func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example" {
			http.Error(w, "no such host", http.StatusBadRequest)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "visitor-1", Domain: "shop.example", Secure: true, Path: "/"})
		fmt.Fprint(w, `<input name="token" value="a&b 1/2secret"> <a href="/designer/7/?step=1">`)
	})
	mux.HandleFunc("GET /designer/{id}/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "design %s", r.PathValue("id"))
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("session")
		body, _ := io.ReadAll(r.Body)
		if err != nil || cookie.Value != "visitor-1" || r.Header.Get("X-Token") != "a&b 1/2secret" {
			http.Error(w, "no session, or not the token of it: "+r.Header.Get("X-Token"), http.StatusForbidden)
			return
		}
		w.Header().Set("Location", "/orders/12")
		w.WriteHeader(http.StatusFound)
		fmt.Fprintf(w, "%s %s", r.Header.Get("Content-Type"), body)
	})
	mux.HandleFunc("GET /orders/12", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "order 12 of a&b 1/2secret") })
	words := map[string]bool{}
	mux.HandleFunc("GET /random/{word}", func(w http.ResponseWriter, r *http.Request) {
		if word := r.PathValue("word"); len(word) != 12 || words[word] {
			http.Error(w, "not a new word", http.StatusConflict)
			return
		}
		words[r.PathValue("word")] = true
		fmt.Fprintf(w, "random %s", r.PathValue("word"))
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(50 * time.Millisecond)
		fmt.Fprint(w, "late")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func checkOf(url, contains string, status int) deploy.HTTPCheck {
	return deploy.HTTPCheck{URL: url, Host: "shop.example", Contains: contains, Status: status, Timeout: 10 * time.Second}
}

func checkout(url string) deploy.HTTPFlow {
	return deploy.HTTPFlow{Steps: []deploy.HTTPRequest{
		{HTTPCheck: checkOf(url+"/catalogue", "", 200), Save: []deploy.HTTPSave{
			{Name: "token", Pattern: regexp.MustCompile(`name="token" value="([^"]*)"`)},
			{Name: "design", Pattern: regexp.MustCompile(`href="([^"]*)"`)},
		}},
		{HTTPCheck: checkOf(url+"{design}&key=secret", "design 7", 0)},
		{
			HTTPCheck: checkOf(url+"/orders", "urlencoded token=a%26b+1%2F2secret", 302), Body: "token={token}",
			Headers: map[string]string{"X-Token": "{token}"},
			Save:    []deploy.HTTPSave{{Name: "order", Pattern: regexp.MustCompile(`^Location: (\S+)$`)}},
		},
		{HTTPCheck: checkOf(url+"/random/{random}", "random {random}", 0)},
		{HTTPCheck: checkOf(url+"{order}", "order 12 of {token}", 0)},
	}}
}

func TestWalk(t *testing.T) {
	server := newShop(t)
	for range 2 { // each walk is another visitor
		if err := New().Walk(t.Context(), checkout(server.URL)); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name   string
		change func(flow *deploy.HTTPFlow)
		says   string
	}{
		{"another status", func(f *deploy.HTTPFlow) { f.Steps[2].Status = 201 }, "step 3 of 5, POST URL/orders answered 302 Found instead of 201, to /orders/12: application/x-www-form-urlencoded token="},
		{"another text", func(f *deploy.HTTPFlow) { f.Steps[4].Contains = "{token} is paid" }, `step 5 of 5, GET URL{order} answered 200 OK, but its body does not contain "{token} is paid"; it is: order 12 of (hidden)`},
		{"a wrong token", func(f *deploy.HTTPFlow) { f.Steps[2].Headers["X-Token"] = "of-the-tests" }, "step 3 of 5, POST URL/orders answered 403 Forbidden instead of 302: no session, or not the token of it: (hidden)"},
		{"another host", func(f *deploy.HTTPFlow) { f.Steps[0].Host = "" }, "step 1 of 5, GET URL/catalogue answered 400 Bad Request instead of 200: no such host"},
		{"nothing to save", func(f *deploy.HTTPFlow) {
			f.Steps[2].Save[0] = deploy.HTTPSave{Name: "bill", Pattern: regexp.MustCompile(`bill (\d+)`)}
		}, "step 3 of 5, POST URL/orders answered 302 Found, in which nothing matches save.bill"},
		{"a query", func(f *deploy.HTTPFlow) { f.Steps[1].URL += "?key=of-the-tests"; f.Steps[1].Status = 204 }, "step 2 of 5, GET URL{design}&key=secret?… answered 200 OK instead of 204: design 7"},
		{"too slow", func(f *deploy.HTTPFlow) {
			f.Steps = f.Steps[:1]
			f.Steps[0] = deploy.HTTPRequest{HTTPCheck: checkOf(server.URL+"/slow", "late", 0), Latency: time.Millisecond}
		}, "URL/slow answered 200 OK after"},
	} {
		t.Run(test.name, func(t *testing.T) {
			flow := checkout(server.URL)
			test.change(&flow)
			err := New().Walk(t.Context(), flow)
			if got := strings.ReplaceAll(fmt.Sprint(err), server.URL, "URL"); !strings.HasPrefix(got, test.says) || strings.Contains(got, "2secret") {
				t.Errorf("got  %s\nwant %s", got, test.says)
			}
		})
	}
}

func TestBodiesByTheirType(t *testing.T) {
	for _, test := range []struct{ contentType, want string }{
		{"application/json", `{"id":"a\"b\\"}`},
		{"", `{"id":"a\"b\\"}`},
		{"text/plain", `{"id":"a"b\"}`},
	} {
		v := &visit{HTTP: New(), names: []string{"id"}, values: map[string]string{"id": `a"b\`}}
		v.jar = newJar(t)
		step := deploy.HTTPRequest{HTTPCheck: checkOf("http://shop.example/", "", 0), Body: `{"id":"{id}"}`}
		if test.contentType != "" {
			step.Headers = map[string]string{"content-type": test.contentType}
		}
		request, err := v.request(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(request.Body); string(got) != test.want || request.Method != http.MethodPost {
			t.Errorf("%s %q: got %s, want %s", request.Method, test.contentType, got, test.want)
		}
	}
}

func newJar(t *testing.T) *cookiejar.Jar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}
