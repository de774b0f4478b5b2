package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// shortestSecret is what a value must have for its occurrences in an error to
// be hidden: shorter ones would tear words apart.
const shortestSecret = 6

// visit is one walk through a flow: what a visitor has collected on the way.
type visit struct {
	*HTTP
	jar    *cookiejar.Jar
	names  []string
	values map[string]string
	// hide replaces in errors what nobody should read in them.
	hide []string
}

// Walk sends a flow's requests in order. An error names the step, what was
// expected and what came; of addresses it shows no query, and neither what was
// saved nor what headers hold.
func (p *HTTP) Walk(ctx context.Context, flow deploy.HTTPFlow) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	v := &visit{HTTP: p, jar: jar, names: []string{deploy.FlowRandom}, values: map[string]string{
		deploy.FlowRandom: strings.ToLower(rand.Text()[:12]),
	}}
	for number, step := range flow.Steps {
		err := v.step(ctx, step)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && len(flow.Steps) > 1 {
			return fmt.Errorf("step %d of %d, %s %w", number+1, len(flow.Steps), method(step), err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func method(step deploy.HTTPRequest) string {
	if step.Method == "" && step.Body != "" {
		return http.MethodPost
	}
	return cmp.Or(step.Method, http.MethodGet)
}

// shownAddress is an address as an error names it.
func shownAddress(address string) string {
	address, _, _ = strings.Cut(address, "#")
	before, _, query := strings.Cut(address, "?")
	if parsed, err := url.Parse(before); err == nil && parsed.User != nil {
		parsed.User = nil
		before = parsed.String()
	}
	if query {
		before += "?…"
	}
	return before
}

func (v *visit) step(ctx context.Context, step deploy.HTTPRequest) error {
	shown := step.HTTPCheck
	shown.URL = shownAddress(step.URL)
	if step.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, step.Timeout)
		defer cancel()
	}
	request, err := v.request(ctx, step)
	if err != nil {
		return fmt.Errorf("%s: the address with what was saved is none", shown.URL)
	}
	began := time.Now()
	response, err := v.client.Do(request)
	if err != nil {
		return explain(err, shown)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	if err != nil {
		return explain(err, shown)
	}
	took := time.Since(began)
	v.jar.SetCookies(cookieAddress(request), response.Cookies())
	shown.Contains = v.expand(step.Contains, plain)
	if err := judge(response, body, shown); err != nil {
		return v.hidden(withBody(err, body, step.Contains, shown.Contains))
	}
	if step.Latency > 0 && took > step.Latency {
		return fmt.Errorf("%s answered %s after %s, later than %s (latency)", shown.URL, response.Status, took.Round(time.Millisecond), step.Latency)
	}
	return v.save(step, response, body, shown.URL)
}

// request makes the request with what was saved so far.
func (v *visit) request(ctx context.Context, step deploy.HTTPRequest) (*http.Request, error) {
	headers := http.Header{"User-Agent": {"webshop-deploy"}}
	for name, value := range step.Headers {
		value = strings.Map(oneLine, v.expand(value, plain))
		headers.Set(name, value)
		if name := http.CanonicalHeaderKey(name); name != "Content-Type" && name != "Accept" && name != "Host" {
			v.hide = append(v.hide, value)
		}
	}
	if step.Body != "" && headers.Get("Content-Type") == "" {
		headers.Set("Content-Type", contentType(step.Body))
	}
	content := v.expand(step.Body, escapeFor(headers.Get("Content-Type")))
	request, err := http.NewRequestWithContext(ctx, method(step), v.expand(step.URL, escapeAddress), strings.NewReader(content))
	if err != nil {
		return nil, err
	}
	if content == "" {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	request.Header = headers
	request.Host = cmp.Or(step.Host, headers.Get("Host"))
	headers.Del("Host")
	if step.Pass != "" {
		headers.Set(deploy.PassHeader, step.Pass)
		v.hide = append(v.hide, step.Pass)
	}
	for _, cookie := range v.jar.Cookies(cookieAddress(request)) {
		request.AddCookie(cookie)
	}
	return request, nil
}

// cookieAddress is where a request goes for the jar: to the host that it names,
// and as through TLS. Whoever asks a proxy on this machine stands for a visitor
// of that host, whose cookies may be limited to it and to https.
func cookieAddress(request *http.Request) *url.URL {
	return &url.URL{Scheme: "https", Host: cmp.Or(request.Host, request.URL.Host), Path: request.URL.Path}
}

func (v *visit) save(step deploy.HTTPRequest, response *http.Response, body []byte, shown string) error {
	for _, one := range step.Save {
		found := one.Pattern.FindSubmatch(body)
		if found == nil {
			var head strings.Builder
			_ = response.Header.Write(&head) // a builder takes all
			for line := range strings.Lines(head.String()) {
				if found = one.Pattern.FindSubmatch([]byte(strings.TrimSpace(line))); found != nil {
					break
				}
			}
		}
		if len(found) != 2 {
			return v.hidden(withBody(fmt.Errorf("%s answered %s, in which nothing matches save.%s", shown, response.Status, one.Name), body, "", ""))
		}
		if _, again := v.values[one.Name]; !again {
			v.names = append(v.names, one.Name)
		}
		v.values[one.Name] = string(found[1])
		value := string(found[1])
		v.hide = append(v.hide, value, url.QueryEscape(value), escapeAddress(value))
	}
	return nil
}

// expand puts what was saved in the place of {name}.
func (v *visit) expand(text string, escape func(string) string) string {
	var pairs []string
	for _, name := range v.names {
		pairs = append(pairs, "{"+name+"}", escape(v.values[name]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// hidden takes out of an error what was saved and sent.
func (v *visit) hidden(err error) error {
	secrets := slices.DeleteFunc(slices.Clone(v.hide), func(value string) bool { return len(value) < shortestSecret })
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range secrets {
		pairs = append(pairs, value, "(hidden)")
	}
	return fmt.Errorf("%s", deploy.Visible(strings.NewReplacer(pairs...).Replace(err.Error()))) //nolint:err113 // what it wraps may hold a secret
}

// withBody adds the beginning of an answer that has not what it must contain;
// a wrong status has it already. The text that was looked for is shown as the
// settings say it.
func withBody(err error, body []byte, asked, looked string) error {
	text := err.Error()
	if asked != looked {
		text = strings.Replace(text, fmt.Sprintf("%q", looked), fmt.Sprintf("%q", asked), 1)
	}
	if line := firstLine(body); line != "" && !strings.Contains(text, line) {
		text += "; it is: " + line
	}
	return fmt.Errorf("%s", text) //nolint:err113 // the text is what is wanted of it
}

func oneLine(r rune) rune {
	if r == '\r' || r == '\n' {
		return -1
	}
	return r
}

// contentType is what a body looks like that nobody said the type of.
func contentType(body string) string {
	if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
		return "application/json"
	}
	return "application/x-www-form-urlencoded"
}

// escapeFor is how a value is written into a body of that type.
func escapeFor(contentType string) func(string) string {
	switch {
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		return url.QueryEscape
	case strings.Contains(contentType, "json"):
		return func(value string) string {
			quoted, _ := json.Marshal(value) // a string is always one
			return string(quoted[1 : len(quoted)-1])
		}
	}
	return plain
}

func plain(value string) string { return value }

// escapeAddress writes a value into an address. What separates the parts of
// one stays: a saved value may be an address, or a part of one.
func escapeAddress(value string) string {
	var out strings.Builder
	for _, b := range []byte(value) {
		if b <= ' ' || b >= 0x7f || strings.IndexByte("\"<>\\^`{|}", b) >= 0 {
			fmt.Fprintf(&out, "%%%02X", b)
			continue
		}
		out.WriteByte(b)
	}
	return out.String()
}
