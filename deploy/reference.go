package deploy

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Repository is an image reference without its tag and digest:
// "registry.example:5000/shop/backend:v1" gives "registry.example:5000/shop/backend".
func Repository(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if at := strings.LastIndex(reference, ":"); at > strings.LastIndex(reference, "/") {
		return reference[:at]
	}
	return reference
}

// Tag is a reference's tag; "latest" where it has none, as everywhere.
func Tag(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if at := strings.LastIndex(reference, ":"); at > strings.LastIndex(reference, "/") {
		return reference[at+1:]
	}
	return "latest"
}

// Nearest gives up to limit of the candidates that look most like the word,
// for messages that say "did you mean".
func Nearest(word string, candidates []string, limit int) []string {
	type scored struct {
		text     string
		distance int
	}
	var close []scored
	for _, candidate := range candidates {
		distance := levenshtein.ComputeDistance(word, candidate)
		if distance <= max(2, len(word)/3) {
			close = append(close, scored{candidate, distance})
		}
	}
	slices.SortStableFunc(close, func(a, b scored) int { return a.distance - b.distance })
	var names []string
	for _, one := range close[:min(limit, len(close))] {
		names = append(names, one.text)
	}
	return names
}
