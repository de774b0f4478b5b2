package deploy

import (
	"cmp"
	"regexp"
	"time"
)

// Verification is what must be answered after the switch: one public endpoint,
// or a flow of several steps that a visitor takes, such as from the catalogue
// to an order. A flow keeps its cookies, and each attempt begins without any.
type Verification struct {
	// Name is how errors call it; the address where empty. A flow must have one.
	Name string `mapstructure:"name"`
	// URL is the whole address: "https://shop.example/api/health/".
	URL string `mapstructure:"url"`
	// Host is the Host header; the address's own where empty. Steps that do not
	// say another take it, too.
	Host string `mapstructure:"host"`
	// Method is the request's; GET where empty, and POST where there is a body.
	Method string `mapstructure:"method"`
	// Headers are the request's, by name.
	Headers map[string]string `mapstructure:"headers"`
	// Body is what is sent.
	Body string `mapstructure:"body"`
	// Status is the one that is right, 100 to 599; every 2xx where 0. A redirect
	// is an answer like another.
	Status int `mapstructure:"status"`
	// Contains is a text that must stand in the answer's body.
	Contains string `mapstructure:"contains"`
	// Latency is how long the whole answer may take; 0s does not ask.
	Latency time.Duration `mapstructure:"latency"`
	// Attempts is how often the request, or the whole flow, is tried before the
	// release is taken back.
	Attempts int `mapstructure:"attempts"`
	// Interval is the time between two attempts.
	Interval time.Duration `mapstructure:"interval"`
	// Timeout is when one request is given up.
	Timeout time.Duration `mapstructure:"timeout"`
	// Steps are the requests of a flow, one after another. Beside them stand
	// only name, host, attempts, interval and timeout.
	Steps []VerificationStep `mapstructure:"steps"`
}

// VerificationStep is one request of a flow.
type VerificationStep struct {
	// URL is the whole address, or begins with what an earlier step has saved.
	URL string `mapstructure:"url"`
	// Host is the Host header; the flow's, or the address's own, where empty.
	Host string `mapstructure:"host"`
	// Method is the request's; GET where empty, and POST where there is a body.
	Method string `mapstructure:"method"`
	// Headers are the request's, by name.
	Headers map[string]string `mapstructure:"headers"`
	// Body is what is sent.
	Body string `mapstructure:"body"`
	// Status is the one that is right, 100 to 599; every 2xx where 0. A redirect
	// is an answer like another.
	Status int `mapstructure:"status"`
	// Contains is a text that must stand in the answer's body.
	Contains string `mapstructure:"contains"`
	// Latency is how long the whole answer may take; 0s does not ask.
	Latency time.Duration `mapstructure:"latency"`
	// Save keeps parts of the answer under names, each what the one group of a
	// regular expression matches; later steps say {name} for it. {random} is a
	// word of the walk's own.
	Save map[string]string `mapstructure:"save"`
}

// OnlyReads says whether it is a single request that changes nothing.
func (v Verification) OnlyReads() bool {
	return len(v.Steps) == 0 && (v.Method == "" || v.Method == "GET" || v.Method == "HEAD") && v.Body == ""
}

// label is what a verification is called in errors.
func (v Verification) label() string {
	if v.Name == "" && len(v.Steps) > 0 {
		return v.Steps[0].URL
	}
	return cmp.Or(v.Name, v.URL)
}

// Flow is the requests to make. The expressions are known to compile.
func (v Verification) Flow() HTTPFlow {
	steps := v.Steps
	if len(steps) == 0 {
		steps = []VerificationStep{{
			URL: v.URL, Host: v.Host, Method: v.Method, Headers: v.Headers, Body: v.Body,
			Status: v.Status, Contains: v.Contains, Latency: v.Latency,
		}}
	}
	var flow HTTPFlow
	for _, step := range steps {
		request := HTTPRequest{
			HTTPCheck: HTTPCheck{URL: step.URL, Host: cmp.Or(step.Host, v.Host), Status: step.Status, Contains: step.Contains, Timeout: v.Timeout},
			Method:    step.Method, Headers: step.Headers, Body: step.Body, Latency: step.Latency,
		}
		for _, name := range sortedKeys(step.Save) {
			request.Save = append(request.Save, HTTPSave{Name: name, Pattern: regexp.MustCompile(step.Save[name])})
		}
		flow.Steps = append(flow.Steps, request)
	}
	return flow
}
