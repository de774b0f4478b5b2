package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// failure names the step that failed. BuildKit's own error repeats the step's
// command, so secrets are hidden in it as well.
func (b *Builder) failure(ctx context.Context, request *request, steps *steps, err error) error {
	subject := strings.Join(request.services, ", ")
	if ctx.Err() != nil {
		return fmt.Errorf("build %s: %w", subject, ctx.Err())
	}
	text := steps.hide.Replace(err.Error())
	if at := strings.Index(text, "failed to push "); at >= 0 {
		return b.pushFailure(ctx, request, errors.New(text[at:]))
	}
	if at := strings.Index(text, unknownCache); at >= 0 {
		return b.cacheFailure(subject, text[at+len(unknownCache):])
	}
	failure := &Error{Action: "build", Subject: subject, Hint: buildHint(text)}
	name, lines := steps.failure()
	failure.Logs = slices.Clone(lines)
	if name != "" {
		failure.Reason = "step " + name
		if at := strings.LastIndex(text, exitCode); at >= 0 {
			text = text[at+len(": "):]
		}
	}
	if failure.Err = err; text != err.Error() {
		failure.Err = errors.New(text)
	}
	return failure
}

// exitCode stands at the end of BuildKit's error about a command, behind the
// command.
const exitCode = ": exit code: "

// unknownCache stands in BuildKit's error about a cache_to that it has no
// exporter for, before the type.
const unknownCache = "unknown cache exporter: "

// cacheFailure is that of builders which keep fewer kinds of caches: those in
// engines without the containerd image store know inline only.
func (b *Builder) cacheFailure(subject, kind string) error {
	return &Error{
		Action: "build", Subject: subject,
		Reason: fmt.Sprintf("%s cannot export a cache of type %s", b.name(), strings.Trim(kind, `"`)),
		Hint:   "take cache_to: [type=inline] and cache_from with the image itself, or a BuildKit of its own by BUILDKIT_HOST",
	}
}

// pushFailure says why the registry refused what the builder sent it.
func (b *Builder) pushFailure(ctx context.Context, request *request, failed error) error {
	parsed, err := parse(request.references[0])
	if err != nil {
		return err
	}
	asked, err := (&Registries{Keychain: b.Keychain}).ask(ctx, "push image", request.references[0], parsed.Context())
	if err != nil {
		return errors.Join(failed, err)
	}
	asked.writes, asked.left = true, "the image is built and no tag was moved"
	return asked.explain(failed)
}

// buildHint knows the failures that are not in the command itself.
func buildHint(text string) string {
	text = strings.ToLower(text)
	for _, known := range []struct{ text, hint string }{
		{"no space left on device", "free some disk: docker builder prune"},
		{exitCode, ""}, // the command may contain any of the words below
		{"cannot connect to the docker daemon", engineHint},
		{"connection error: desc", engineHint},
		{"failed to dial", engineHint},
		{"dockerfile parse error", ""},
		{"failed to read dockerfile", "check build.dockerfile; it is relative to the build context"},
		{"target stage", "check build.target; it names a stage of the Dockerfile"},
		{"secret ", "list the secret under the service's build.secrets and under secrets"},
		{"failed to compute cache key", contextHint},
		{"failed to calculate checksum", contextHint},
		{"pull access denied", "check the base image's name, or log in to its registry with docker login"},
		{"failed to resolve source metadata", baseHint},
		{"failed to create llb definition", baseHint},
		{"failed to load metadata", baseHint},
	} {
		if strings.Contains(text, known.text) {
			return known.hint
		}
	}
	return ""
}

const (
	engineHint  = "check that the Docker engine runs and that this user may use its socket"
	contextHint = "check that the file is in the build context and not excluded by .dockerignore"
	baseHint    = "check the base image's name and that its registry can be reached"
)
