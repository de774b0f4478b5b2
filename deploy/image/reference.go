package image

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// parse reads an image reference once, at the edge. Registries on a loopback
// address may speak plain HTTP, as the engine allows them too.
func parse(reference string) (name.Reference, error) {
	parsed, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("read image reference %q: %w", reference, err)
	}
	if loopback(parsed.Context().RegistryStr()) {
		return name.ParseReference(reference, name.Insecure)
	}
	return parsed, nil
}

// parseRepository reads a reference without tag and digest.
func parseRepository(repository string) (name.Repository, error) {
	parsed, err := name.NewRepository(repository)
	if err != nil {
		return name.Repository{}, fmt.Errorf("read image repository %q: %w", repository, err)
	}
	if loopback(parsed.RegistryStr()) {
		return name.NewRepository(repository, name.Insecure)
	}
	return parsed, nil
}

// loopback says whether a registry's host, with or without a port, is this
// machine.
func loopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = strings.Trim(registry, "[]")
	}
	if host == "localhost" {
		return true
	}
	address := net.ParseIP(host)
	return address != nil && address.IsLoopback()
}

// nearest picks the few tags that are most like the wanted one: those with the
// longest common beginning, the highest versions first.
func nearest(tags []string, wanted string, count int) []string {
	near := slices.Clone(tags)
	slices.SortFunc(near, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(common(b, wanted), common(a, wanted)),
			compareTags(b, a),
		)
	})
	return near[:min(count, len(near))]
}

func common(a, b string) int {
	length := min(len(a), len(b))
	for i := range length {
		if a[i] != b[i] {
			return i
		}
	}
	return length
}

// compareTags orders tags as people count: v1.9.0 before v1.10.0.
func compareTags(a, b string) int {
	for a != "" && b != "" {
		numberA, restA := digits(a)
		numberB, restB := digits(b)
		if numberA != "" && numberB != "" {
			trimmedA, trimmedB := strings.TrimLeft(numberA, "0"), strings.TrimLeft(numberB, "0")
			if c := cmp.Or(cmp.Compare(len(trimmedA), len(trimmedB)), cmp.Compare(trimmedA, trimmedB)); c != 0 {
				return c
			}
			a, b = restA, restB
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits splits off the number that a text begins with.
func digits(text string) (number, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:]
}

// RegistryOf gives the registry's host of a reference, as logins are kept by.
func RegistryOf(reference string) string {
	parsed, err := parse(reference)
	if err != nil {
		return ""
	}
	return hostOf(parsed.Context())
}
