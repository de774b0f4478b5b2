package source

import (
	"slices"
	"strings"
	"testing"
)

func TestIsNewest(t *testing.T) {
	tags := []string{"v1.9.0", "v1.10.0", "v1.11.0-rc.1", "nightly", "v3", "v2.0.0+x"}
	for version, want := range map[string]bool{
		"v1.10.0": true, "v1.10.1": true, "v2.0.0": true,
		"v1.9.0": false, "v1.9.9": false, "v1.11.0-rc.1": false, "sha-0123456789ab": false, "": false,
	} {
		if IsNewest(version, tags) != want {
			t.Errorf("%s: %v", version, !want)
		}
	}
}

func TestMovingTags(t *testing.T) {
	all := []string{"{branch}", "{major}", "{major}.{minor}", "v{major}", "latest", "edge", "edge"}
	existing := []string{"v1.15.0", "v1.15.3", "v1.16.0", "v2.0.0"}
	for _, test := range []struct{ version, branch, want string }{
		{"v2.0.0", "main", "main 2 2.0 v2 latest edge"},
		{"v1.16.0", "", "1 1.16 v1 edge"},
		{"v1.16.1", "", "1 1.16 v1 edge"},
		{"v1.15.4", "release/1.15", "release-1.15 1.15 edge"},
		{"v1.15.2", "", "edge"},
		{"v2.1.0-rc.1", "", "edge"},
		{"sha-0123456789ab", "feature/x y#1", "feature-x-y-1 edge"},
		{"sha-0123456789ab", strings.Repeat("b", 200), strings.Repeat("b", 128) + " edge"},
	} {
		got, err := MovingTags(all, test.version, test.branch, existing)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s of %s: %q, %v; want %s", test.version, test.branch, got, err, test.want)
		}
	}
	if got, err := MovingTags([]string{"staging-{branch}"}, "sha-0123456789ab", "latest", nil); err != nil || !slices.Equal(got, []string{"staging-latest"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMovingTagsRefuses(t *testing.T) {
	for pattern, word := range map[string]string{
		"{brunch}": "{brunch}", "{minor}": "without {major}", "a b": `"a b"`, "": `""`,
		"{major": `"{major"`, "-x": `"-x"`, "{}": "{}",
	} {
		_, err := MovingTags([]string{pattern}, "v1.0.0", "main", nil)
		refused(t, err, word, "Allowed are {branch}, {major} and {major}.{minor}")
	}
	for _, branch := range []string{"latest", "v1.0.0", "sha-0123456789ab"} {
		_, err := MovingTags([]string{"{branch}"}, "sha-0123456789ab", branch, nil)
		refused(t, err, "branch "+branch, "Rename the branch")
	}
	_, err := MovingTags([]string{"{branch}"}, "v1.0.0", "///", nil)
	refused(t, err, "cannot be an image's tag")
}
