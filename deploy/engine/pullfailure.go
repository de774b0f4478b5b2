package engine

import (
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// pullProblem is one way in which a pull fails. The engine answers most of
// them with status 500 and the registry's or the kernel's words, so that there
// are only those to go by (moby, distribution/errors.go and registry/errors.go).
type pullProblem struct {
	// words are looked for in the lower-case message.
	words     []string
	temporary bool
	// what and hint may name the {registry} and the {image}.
	what, hint string
}

// pullProblems in the order in which they are tried.
var pullProblems = []pullProblem{
	{
		words: []string{"no space left on device", "disk quota exceeded"},
		what:  "the host's disk is full",
		hint:  "See what takes it: docker system df. Make room: docker image prune -f (the releases that are kept have tags and stay).",
	},
	{
		words: []string{"unauthorized", "no basic auth credentials", "authentication required", "incorrect username or password", "denied", "403 forbidden"},
		what:  "{registry} does not let this host in, or has no such repository",
		hint:  "Log in on this host: docker login {registry}; or check that its account may read {image}.",
	},
	{
		// Never the bare number: a registry's port may have it.
		words: []string{"toomanyrequests", "too many requests", "status: 429", "status 429", "code 429"}, temporary: true,
		what: "{registry} has had too many requests",
		hint: "Wait, or log in for a higher limit: docker login {registry}",
	},
	{
		words: []string{"manifest unknown", "not found", "name unknown", "manifest invalid"},
		what:  "{registry} has no such image",
		hint:  "Check that the release was pushed, and to this registry: {image}",
	},
	{
		words: []string{"server gave http response to https client"},
		what:  "{registry} speaks HTTP, and the engine insists on HTTPS",
		hint:  "Name it under insecure-registries in /etc/docker/daemon.json, or give it a certificate.",
	},
	{
		words: []string{"x509:", "certificate"},
		what:  "the certificate of {registry} is not trusted",
		hint:  "Put its authority's certificate in /etc/docker/certs.d/{registry}/ca.crt, and check the host's clock.",
	},
	{
		words: []string{"verification failed", "digest mismatch", "does not match digest", "unexpected digest"},
		what:  "{registry} gave something else than was asked for",
		hint:  "Nothing of it was kept. Push the release again, and look at what stands between this host and {registry}.",
	},
	{
		words: []string{
			"no such host", "server misbehaving", "connection refused", "connection reset", "i/o timeout", "tls handshake timeout", "deadline exceeded",
			"network is unreachable", "no route to host", "temporary failure", "unexpected eof", "broken pipe", "request canceled",
			errStalled.Error(), "unexpected http status: 5", "internal server error", "bad gateway", "service unavailable", "gateway timeout",
		},
		temporary: true,
		what:      "{registry} cannot be reached from this host",
		hint:      "Try it by hand: curl -sSI https://{registry}/v2/. A rollback needs no registry.",
	},
}

// problemOf finds what an error is about.
func problemOf(err error) (pullProblem, bool) {
	text := strings.ToLower(err.Error())
	for _, problem := range pullProblems {
		for _, word := range problem.words {
			if strings.Contains(text, word) {
				return problem, true
			}
		}
	}
	return pullProblem{}, false
}

// temporary says whether trying again may help. The engine going away in the
// middle of its answer counts.
func temporary(err error) bool {
	problem, known := problemOf(err)
	return known && problem.temporary || cerrdefs.IsUnavailable(err)
}

// explainPull says an error in a sentence, with what to do; one that is not
// known stays as it is.
func explainPull(err error, wanted deploy.Image) error {
	problem, known := problemOf(err)
	if !known {
		return err
	}
	host := "the registry"
	if named, parseErr := reference.ParseNormalizedNamed(wanted.Reference); parseErr == nil {
		host = reference.Domain(named)
	}
	names := strings.NewReplacer("{registry}", host, "{image}", wanted.Pinned())
	return &deploy.Failure{
		Err:  fmt.Errorf("%s: %w", names.Replace(problem.what), err),
		Hint: names.Replace(problem.hint),
	}
}
