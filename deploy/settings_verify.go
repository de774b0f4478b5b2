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
	// Name is how errors call it; the address where empty.
	Name     string            `mapstructure:"name"`
	URL      string            `mapstructure:"url"`
	Host     string            `mapstructure:"host"`
	Method   string            `mapstructure:"method"`
	Headers  map[string]string `mapstructure:"headers"`
	Body     string            `mapstructure:"body"`
	Status   int               `mapstructure:"status"`
	Contains string            `mapstructure:"contains"`
	// Latency is how long the whole answer may take; 0 does not ask.
	Latency  time.Duration `mapstructure:"latency"`
	Attempts int           `mapstructure:"attempts"`
	Interval time.Duration `mapstructure:"interval"`
	// Timeout is when a request is given up.
	Timeout time.Duration      `mapstructure:"timeout"`
	Steps   []VerificationStep `mapstructure:"steps"`
}

// VerificationStep is one request of a flow.
type VerificationStep struct {
	URL      string            `mapstructure:"url"`
	Host     string            `mapstructure:"host"`
	Method   string            `mapstructure:"method"`
	Headers  map[string]string `mapstructure:"headers"`
	Body     string            `mapstructure:"body"`
	Status   int               `mapstructure:"status"`
	Contains string            `mapstructure:"contains"`
	Latency  time.Duration     `mapstructure:"latency"`
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
