package deploy

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// methods are those that a verification may use.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// saveName is what a saved value may be called, and saveUse where one is used.
var saveName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkVerify(checks []Verification, mistakes *Mistakes) {
	for at, check := range checks {
		path := fmt.Sprintf("%s.verify[%d]", ExtensionKey, at)
		if check.Attempts < 0 {
			mistakes.add(path+".attempts", "is %d; allowed: 1 or more", check.Attempts)
		}
		if len(check.Steps) == 0 {
			request := VerificationStep{
				URL: check.URL, Method: check.Method, Headers: check.Headers, Body: check.Body, Status: check.Status, Latency: check.Latency,
			}
			request.check(path, check.Timeout, nil, mistakes)
			continue
		}
		check.checkFlow(path, mistakes)
	}
}

func (v Verification) checkFlow(path string, mistakes *Mistakes) {
	for key, present := range map[string]bool{
		"url": v.URL != "", "method": v.Method != "", "headers": len(v.Headers) > 0, "body": v.Body != "",
		"status": v.Status != 0, "contains": v.Contains != "", "latency": v.Latency != 0,
	} {
		if present {
			mistakes.add(path+"."+key, "stands beside steps: say it in the steps")
		}
	}
	if v.Name == "" {
		mistakes.add(path+".name", "is missing: errors call the flow by it")
	}
	var saved []string
	for number, step := range v.Steps {
		at := fmt.Sprintf("%s.steps[%d]", path, number)
		step.check(at, v.Timeout, saved, mistakes)
		for _, name := range sortedKeys(step.Save) {
			pattern, err := regexp.Compile(step.Save[name])
			switch {
			case !saveName.MatchString(name):
				mistakes.add(at+".save", "has the name %q; allowed: letters, digits and _", name)
			case name == FlowRandom:
				mistakes.add(at+".save", "has the name %q, which each walk has a word of its own under", name)
			case err != nil:
				mistakes.add(at+".save."+name, "is no regular expression: %v", err)
			case pattern.NumSubexp() != 1:
				mistakes.add(at+".save."+name, "has %d groups; allowed: one, around what is saved", pattern.NumSubexp())
			}
			saved = append(saved, name)
		}
	}
}

// check applies the rules for one request. An address that begins with what an
// earlier step saved is not known yet.
func (s VerificationStep) check(path string, timeout time.Duration, saved []string, mistakes *Mistakes) {
	begins := slices.ContainsFunc(saved, func(name string) bool { return strings.HasPrefix(s.URL, "{"+name+"}") })
	if address, err := url.Parse(s.URL); !begins && (err != nil || address.Host == "" || !strings.HasPrefix(address.Scheme, "http")) {
		mistakes.add(path+".url", "is %q; allowed: an http:// or https:// address", s.URL)
	}
	if s.Method != "" && !slices.Contains(methods, s.Method) {
		mistakes.add(path+".method", "is %q; allowed: %s", s.Method, strings.Join(methods, ", "))
	}
	if s.Body != "" && (s.Method == "GET" || s.Method == "HEAD") {
		mistakes.add(path+".body", "is nothing that a %s has", s.Method)
	}
	for _, name := range sortedKeys(s.Headers) {
		if strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(s.Headers[name], "\r\n") {
			mistakes.add(path+".headers", "has %q, which is no header", name)
		}
	}
	if s.Latency > timeout {
		mistakes.add(path+".latency", "is %s, and a request is given up after %s (timeout): nothing slower can be told apart", s.Latency, timeout)
	}
	checkStatus(s.Status, path, mistakes)
}
