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

// ErrTagTaken means that an immutable tag names another image already.
var ErrTagTaken = errors.New("the tag names another image already")

// ErrUnauthorized means that the registry wants a login that it was not given.
var ErrUnauthorized = errors.New("the registry wants a login")

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
	if _, ok := errors.AsType[*limited](err); ok {
		return causeLimited
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
	{"authorization failed", causeUnauthorized},
	{"no basic auth credentials", causeUnauthorized},
	{"authentication required", causeUnauthorized},
	{"denied: ", causeForbidden},
	{"403 forbidden", causeForbidden},
	{"name unknown", causeMissing},
	{"manifest unknown", causeMissing},
	{"404 not found", causeMissing},
	{"http 404 response", causeMissing},
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
	{"http 5", causeBroken},
	{"500 internal server error", causeBroken},
	{"502 bad gateway", causeBroken},
	{"503 service unavailable", causeBroken},
	{"504 gateway timeout", causeBroken},
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
