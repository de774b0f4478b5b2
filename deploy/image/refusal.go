package image

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// question is what was asked of a registry, for the sentence about its
// refusal.
type question struct {
	// action and subject say what was being done: "push image", a reference.
	action, subject string
	repository      name.Repository
	// writes says that more than reading was asked for.
	writes bool
	login  foundLogin
	// left is how things stand after the failure; empty where nothing was
	// changed that anybody has to know of.
	left string
}

// explain names a registry's refusal in words that say what to do. A cancelled
// context is nobody's fault and passes through with its action. Registries
// that repeat what they were sent do not get the login into the error.
func (q question) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s %s: %w", q.action, q.subject, err)
	}
	host := hostOf(q.repository)
	failure := &Error{Action: q.action, Subject: q.subject, Err: q.hidden(err)}
	switch causeOf(err) {
	case causeUnauthorized:
		q.unauthorized(failure, host)
	case causeForbidden:
		q.forbidden(failure, host)
	case causeMissing:
		q.missing(failure, host)
	case causeLimited:
		q.limited(failure, host, err)
	case causeBroken:
		failure.Reason = host + " failed or dropped the connection, also when asked again"
		failure.Hint = "try again later"
		if q.writes {
			failure.Hint += "; what the registry has is not sent twice"
		}
	case causeUnreachable:
		failure.Err = fmt.Errorf("%w: %w", ErrUnreachable, failure.Err)
		failure.Hint = "check the registry's name, " + host + ", and that it can be reached from here"
	case causeCertificate:
		failure.Reason = "the certificate of " + host + " is not trusted here"
		failure.Hint = "install its authority's certificate; nothing is sent to it before that"
	case causePlainHTTP:
		failure.Reason = host + " speaks plain HTTP, which only registries on the loopback address may"
		failure.Hint = "give it a certificate, or list it under insecure-registries in the engine's daemon.json"
	}
	if q.left != "" {
		failure.Reason = joined(failure.Reason, q.left)
	}
	return failure
}

// joined puts two parts of a sentence together.
func joined(reason, left string) string {
	if reason == "" {
		return left
	}
	return reason + "; " + left
}

func (q question) unauthorized(failure *Error, host string) {
	failure.Reason = host + " asks for a login, and none was found"
	if !q.login.Empty() {
		failure.Reason = host + " does not accept the login from " + q.login.source
	}
	failure.Err = fmt.Errorf("%w: %w", ErrUnauthorized, failure.Err)
	failure.Hint = "log in: docker login " + host
	if host == "ghcr.io" {
		failure.Hint += ", or set GITHUB_TOKEN" + q.scopes()
	}
}

func (q question) forbidden(failure *Error, host string) {
	verb := cmp.Or(map[bool]string{true: "write to "}[q.writes], "read ")
	failure.Reason = host + " lets nobody " + verb + q.repository.RepositoryStr() + " without a login"
	if !q.login.Empty() {
		failure.Reason = host + " knows the login from " + q.login.source + ", which may not " + verb + q.repository.RepositoryStr()
	}
	failure.Hint = "check the repository's name and who may use it; with another login: docker login " + host
	if host == "ghcr.io" {
		failure.Hint += q.scopes()
		if q.writes {
			failure.Hint += "; and let this repository write in the package's settings, under Manage Actions access"
		}
	}
}

// scopes are the rights that GitHub's registry wants of a token.
func (q question) scopes() string {
	if q.writes {
		return " (a token needs the scope write:packages, a workflow `permissions: packages: write`)"
	}
	return " (a token needs the scope read:packages, a workflow `permissions: packages: read`)"
}

func (q question) missing(failure *Error, host string) {
	failure.Err = fmt.Errorf("%w: %w", ErrNotFound, failure.Err)
	if q.writes {
		failure.Reason = host + " has no repository " + q.repository.RepositoryStr() + " and does not make one by itself"
		failure.Hint = "check the name for a slip, or create the repository there first"
	}
}

func (q question) limited(failure *Error, host string, err error) {
	failure.Reason = host + " is asked too often"
	failure.Hint = "wait some minutes"
	if until, ok := errors.AsType[*limited](err); ok {
		failure.Reason += ", and wants to be left alone until " + until.until.Format(time.TimeOnly)
		failure.Hint = fmt.Sprintf("try again after that, in %s", time.Until(until.until).Round(time.Second))
	}
	if q.login.Empty() {
		failure.Hint += "; logged-in users may ask more often: docker login " + host
	}
}

// hidden takes the login out of an error's text, where it is in it. The error
// keeps its chain otherwise.
func (q question) hidden(err error) error {
	if q.login.Empty() {
		return err
	}
	basic := q.login.Username + ":" + q.login.Password
	text := hider(map[string][]byte{
		"password": []byte(q.login.Password),
		"identity": []byte(q.login.IdentityToken),
		"registry": []byte(q.login.RegistryToken),
		"basic":    []byte(base64.StdEncoding.EncodeToString([]byte(basic))),
		"url":      []byte(base64.URLEncoding.EncodeToString([]byte(basic))),
	}).Replace(err.Error())
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
