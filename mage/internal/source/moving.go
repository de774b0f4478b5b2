package source

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// isRelease says whether a name is a whole version: "v1.16.0", "v1.16.0-rc.1".
// Build metadata is none of a tag's: images cannot have it in theirs.
func isRelease(name string) bool { return semver.IsValid(name) && semver.Canonical(name) == name }

func isStable(name string) bool { return isRelease(name) && semver.Prerelease(name) == "" }

// newestFirst gives the versions among names.
func newestFirst(names []string) []string {
	versions := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !isRelease(name) })
	slices.SortFunc(versions, func(a, b string) int { return semver.Compare(b, a) })
	return slices.Compact(versions)
}

// IsNewest says whether a version is stable and none of the tags is a higher
// stable one: whether "latest" moves to it.
func IsNewest(version string, tags []string) bool {
	return newestIn(version, tags, func(string) bool { return true })
}

// newestIn does so among the tags of a range.
func newestIn(version string, tags []string, ranged func(string) bool) bool {
	return isStable(version) && !slices.ContainsFunc(tags, func(tag string) bool {
		return isStable(tag) && ranged(tag) && semver.Compare(tag, version) > 0
	})
}

const allowedPlaceholders = "Allowed are {branch}, {major} and {major}.{minor}, in words of letters, digits, '_', '.' and '-'."

var (
	placeholder = regexp.MustCompile(`\{[^{}]*\}`)
	imageTag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	notInTag    = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
	commitTag   = regexp.MustCompile(`^sha-[0-9a-f]{12}(-dirty-[0-9a-f]{8})?$`)
)

// MovingTags expands the patterns of x-deploy.tags: the tags that an image of
// a version gets beside its own. "latest" and patterns with {major} give one
// only for a stable version that is the newest of its range among the existing
// tags, and {branch} only where a branch is known.
func MovingTags(patterns []string, version, branch string, existing []string) ([]string, error) {
	var tags []string
	for _, pattern := range patterns {
		tag, err := movingTag(pattern, version, branch, existing)
		if err != nil {
			return nil, err
		}
		if tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

// movingTag expands one pattern; empty when it gives no tag for this version.
func movingTag(pattern, version, branch string, existing []string) (string, error) {
	if err := checkPattern(pattern); err != nil {
		return "", err
	}
	has := func(name string) bool { return strings.Contains(pattern, name) }
	if has("{branch}") && branch == "" {
		return "", nil
	}
	ranged := func(string) bool { return true }
	if has("{minor}") {
		ranged = func(tag string) bool { return semver.MajorMinor(tag) == semver.MajorMinor(version) }
	} else if has("{major}") {
		ranged = func(tag string) bool { return semver.Major(tag) == semver.Major(version) }
	}
	if (has("{major}") || pattern == "latest") && !newestIn(version, existing, ranged) {
		return "", nil
	}
	major := strings.TrimPrefix(semver.Major(version), "v")
	_, minor, _ := strings.Cut(semver.MajorMinor(version), ".")
	tag := strings.NewReplacer("{branch}", branchTag(branch), "{major}", major, "{minor}", minor).Replace(pattern)
	tag = tag[:min(128, len(tag))]
	if has("{branch}") && (isRelease(tag) || commitTag.MatchString(tag) || tag == "latest") {
		return "", usage("Rename the branch, or write the pattern as \"branch-{branch}\".",
			"x-deploy.tags: %q of branch %s gives %s, which is a release's", pattern, branch, tag)
	}
	if !imageTag.MatchString(tag) {
		return "", usage(allowedPlaceholders, "x-deploy.tags: %q gives %q, which cannot be an image's tag", pattern, tag)
	}
	return tag, nil
}

func checkPattern(pattern string) error {
	for _, name := range placeholder.FindAllString(pattern, -1) {
		if !slices.Contains([]string{"{branch}", "{major}", "{minor}"}, name) {
			return usage(allowedPlaceholders, "x-deploy.tags: unknown placeholder %s in %q", name, pattern)
		}
	}
	if strings.Contains(pattern, "{minor}") && !strings.Contains(pattern, "{major}") {
		return usage(allowedPlaceholders, "x-deploy.tags: {minor} without {major} in %q", pattern)
	}
	if rest := placeholder.ReplaceAllString(pattern, "x"); !imageTag.MatchString(rest) {
		return usage(allowedPlaceholders, "x-deploy.tags: %q cannot be an image's tag", pattern)
	}
	return nil
}

// branchTag makes a branch's name fit for a tag: "feature/x" gives "feature-x".
func branchTag(branch string) string {
	return strings.Trim(notInTag.ReplaceAllString(branch, "-"), "-.")
}
