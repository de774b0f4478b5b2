package image

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ErrNotFound means that the registry, or the engine where that was asked, has
// no such image.
var ErrNotFound = errors.New("no such image")

// ErrUnreachable means that the registry did not answer, so that nothing is
// known about the image; Resolver.ResolveLocal may know.
var ErrUnreachable = errors.New("the registry did not answer")

// Error is what went wrong with one image, and what can be done about it.
type Error struct {
	// Action and Subject say what was being done: "push", a reference.
	Action, Subject string
	// Reason is what happened, in one sentence; Err's own text where empty.
	Reason string
	// Logs are the last lines that the failing build step printed.
	Logs []string
	// Hint is what to do next; empty where nobody knows.
	Hint string
	// Err is the cause.
	Err error
}

// Error says all of it: what, why, the last lines, what to do.
func (e *Error) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s", e.Action, e.Subject)
	if e.Reason != "" {
		out.WriteString(": " + e.Reason)
	}
	if e.Err != nil {
		out.WriteString(": " + e.Err.Error())
	}
	for _, line := range e.Logs {
		out.WriteString("\n  | " + line)
	}
	if e.Hint != "" {
		out.WriteString("\n  " + e.Hint)
	}
	return out.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause is why a registry refused, as far as anybody acts on it.
type cause int

const (
	causeOther cause = iota
	causeUnauthorized
	causeForbidden
	causeMissing
	causeLimited
	causeBroken // 5xx, or a connection that ended: worth another attempt
	causeUnreachable
	causeCertificate
	causePlainHTTP
)

// temporary says whether the same request may succeed a moment later.
func (c cause) temporary() bool { return c == causeBroken || c == causeLimited }

// causeOf reads what go-containerregistry and net/http return.
func causeOf(err error) cause {
	if failed, ok := errors.AsType[*transport.Error](err); ok {
		return causeOfStatus(failed.StatusCode)
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return causeUnreachable
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return causeCertificate
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, syscall.ENETUNREACH), errors.Is(err, context.DeadlineExceeded):
		return causeUnreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return causeBroken
	}
	return causeOfText(err.Error())
}

func causeOfStatus(status int) cause {
	switch {
	case status == http.StatusUnauthorized:
		return causeUnauthorized
	case status == http.StatusForbidden:
		return causeForbidden
	case status == http.StatusNotFound:
		return causeMissing
	case status == http.StatusTooManyRequests:
		return causeLimited
	case status >= 500 || status == http.StatusRequestTimeout:
		return causeBroken
	}
	return causeOther
}

// engineTexts are the engine's words, which is all that it passes on of a
// registry's answer (moby's distribution/errors.go and registry/auth.go, and
// the error codes of the distribution specification). The first that occurs
// decides.
var engineTexts = []struct {
	text  string
	cause cause
}{
	{"toomanyrequests", causeLimited},
	{"429 too many requests", causeLimited},
	{"unauthorized", causeUnauthorized},
	{"no basic auth credentials", causeUnauthorized},
	{"authentication required", causeUnauthorized},
	{"denied: ", causeForbidden},
	{"403 forbidden", causeForbidden},
	{"name unknown", causeMissing},
	{"manifest unknown", causeMissing},
	{"404 not found", causeMissing},
	{"server gave http response to https client", causePlainHTTP},
	{"x509:", causeCertificate},
	{"connection refused", causeUnreachable},
	{"no such host", causeUnreachable},
	{"no route to host", causeUnreachable},
	{"network is unreachable", causeUnreachable},
	{"i/o timeout", causeUnreachable},
	{"tls handshake timeout", causeUnreachable},
	{"client.timeout exceeded", causeUnreachable},
	{"received unexpected http status: 5", causeBroken},
	{"connection reset", causeBroken},
	{"broken pipe", causeBroken},
	{"unexpected eof", causeBroken},
	{": eof", causeBroken},
}

func causeOfText(text string) cause {
	text = strings.ToLower(text)
	for _, known := range engineTexts {
		if strings.Contains(text, known.text) {
			return known.cause
		}
	}
	return causeOther
}

// explain names a registry's refusal in words that say what to do. A cancelled
// context is nobody's fault and passes through with its action.
func explain(action, subject, host string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s %s: %w", action, subject, err)
	}
	failure := &Error{Action: action, Subject: subject, Err: err}
	login := "docker login " + host
	if host == "ghcr.io" {
		login += ", or set GITHUB_TOKEN (pushing needs the write:packages scope, in a workflow `packages: write`)"
	}
	switch causeOf(err) {
	case causeUnauthorized:
		failure.Reason = host + " asks for a login, or does not accept the one it got"
		failure.Hint = "log in: " + login
	case causeForbidden:
		failure.Reason = host + " does not let this login do that, or the repository does not exist"
		failure.Hint = "check the repository's name and the rights of the login: " + login
	case causeMissing:
		failure.Err = fmt.Errorf("%w: %w", ErrNotFound, err)
	case causeLimited:
		failure.Reason = host + " is asked too often"
		failure.Hint = "wait some minutes; logged-in users may ask more often: " + login
	case causeBroken:
		failure.Reason = host + " failed, also when asked again"
		failure.Hint = "try again later; the image is unchanged"
	case causeUnreachable:
		failure.Err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		failure.Hint = "check the registry's name, " + host + ", and that it can be reached from here"
	case causeCertificate:
		failure.Reason = "the certificate of " + host + " is not trusted here"
		failure.Hint = "install its authority's certificate; nothing is sent to it before that"
	case causePlainHTTP:
		failure.Reason = host + " speaks plain HTTP, which only registries on the loopback address may"
		failure.Hint = "give it a certificate, or list it under insecure-registries in the engine's daemon.json"
	}
	return failure
}
