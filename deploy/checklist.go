package deploy

import (
	"fmt"
	"slices"
	"strings"
)

// The items of the checklist before a production deploy, in its order.
const (
	// ItemCI: the checks of the tag's commit are green.
	ItemCI = "ci"
	// ItemStaging: the same code was deployed to staging, and verified there.
	ItemStaging = "staging"
	// ItemBackup: the newest backup is young, of the usual size and readable.
	ItemBackup = "backup"
	// ItemNotified: the team is told when the deploy starts.
	ItemNotified = "notified"
	// ItemChangelog: the version's breaking changes are written down.
	ItemChangelog = "changelog"
	// ItemRollback: there is a release to return to, and what that implies is known.
	ItemRollback = "rollback"
)

// ChecklistItems are all of them.
var ChecklistItems = []string{ItemCI, ItemStaging, ItemBackup, ItemNotified, ItemChangelog, ItemRollback}

// Checklist is x-deploy.checklist: what must hold before a production deploy.
type Checklist struct {
	// Items are those that must be done, or waived with a reason. Without any
	// they are those that the project is set up for.
	Items []string `mapstructure:"items"`
	// Staging is the environment that a release must have served in before;
	// "staging" where empty.
	Staging string `mapstructure:"staging"`
}

// checkChecklist notes items that there are none of.
func checkChecklist(checklist Checklist, mistakes *Mistakes) {
	for at, item := range checklist.Items {
		if !slices.Contains(ChecklistItems, item) {
			mistakes.add(fmt.Sprintf("%s.checklist.items[%d]", ExtensionKey, at), "is %q; allowed: %s", item, strings.Join(ChecklistItems, ", "))
		}
	}
}

// Wanted says whether an item must be done: where the items are named, whether
// it is one of them, and else whether the project is set up for it.
func (c Checklist) Wanted(item string, setUp bool) bool {
	if len(c.Items) > 0 {
		return slices.Contains(c.Items, item)
	}
	return setUp
}

// ParseWaivers reads what of the checklist is let pass: "item: reason", several
// with a semicolon between.
func ParseWaivers(text, by string) ([]Waiver, error) {
	var waivers []Waiver
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		item, reason, _ := strings.Cut(part, ":")
		item, reason = strings.TrimSpace(item), strings.TrimSpace(reason)
		if !slices.Contains(ChecklistItems, item) {
			return nil, &Failure{Status: ExitUsage, Err: fmt.Errorf("the checklist has no item %q: nothing was touched", item), Hint: "There are " + strings.Join(ChecklistItems, ", ") + "."}
		}
		if reason == "" {
			return nil, &Failure{
				Status: ExitUsage, Err: fmt.Errorf("%s cannot be waived without a reason, which is recorded: nothing was touched", item),
				Hint: `Say why: -waive="` + item + `: the team is on the call"`,
			}
		}
		waivers = append(waivers, Waiver{Item: item, Reason: reason, By: by})
	}
	return waivers, nil
}

// Waive lets the failed items of a checklist pass that somebody waived, and
// gives the waivers that were needed.
func Waive(findings []Finding, waivers []Waiver) (after []Finding, used []Waiver) {
	after = slices.Clone(findings)
	for at, finding := range after {
		for _, waiver := range waivers {
			if finding.State == FindingFailed && finding.Name == waiver.Item {
				after[at] = Finding{Name: finding.Name, State: FindingWaived, Text: fmt.Sprintf("%s (waived: %s)", finding.Text, waiver.Reason)}
				used = append(used, waiver)
				break
			}
		}
	}
	return after, used
}

// ChecklistError names the items that are in the way; nil where none is. The
// items themselves were shown.
func ChecklistError(findings []Finding, environment, version string) error {
	var names []string
	for _, finding := range findings {
		if finding.State == FindingFailed && !slices.Contains(names, finding.Name) {
			names = append(names, finding.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &Failure{
		Status: ExitFailed,
		Err:    fmt.Errorf("the checklist of %s for %s is not complete: %s; nothing was touched", environment, version, strings.Join(names, ", ")),
		Hint:   fmt.Sprintf("Do what each line above says, or let it pass with a reason that is recorded: -waive=%q", names[0]+": why"),
	}
}

// BreakingChanges finds what the section of a version in a CHANGELOG.md says of
// breaking changes: under a heading with the word "breaking", or in a line that
// begins with it. "None" is an answer, too.
func BreakingChanges(changelog, version string) (text string, err error) {
	section, found := changelogSection(changelog, version)
	if !found {
		return "", fmt.Errorf("CHANGELOG.md has no section for %s", version)
	}
	under := false
	var said []string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		plain := strings.Trim(line, "#*_-: ")
		switch breaking := strings.HasPrefix(strings.ToLower(plain), "breaking"); {
		case breaking:
			under = true
			if _, after, ok := strings.Cut(line, ":"); ok {
				if rest := strings.Trim(after, "*_ "); rest != "" {
					said, under = append(said, rest), false
				}
			}
		case strings.HasPrefix(line, "#"):
			under = false
		case under && plain != "":
			said = append(said, plain)
		}
	}
	if len(said) == 0 {
		return "", fmt.Errorf("the section of %s in CHANGELOG.md does not say what breaks", version)
	}
	return strings.Join(said, "; "), nil
}

// changelogSection is what stands under the heading that names a version, up to
// the next heading of its level or above.
func changelogSection(changelog, version string) (section string, found bool) {
	level := 0
	var out strings.Builder
	for line := range strings.Lines(changelog) {
		depth := len(line) - len(strings.TrimLeft(line, "#"))
		switch {
		case depth > 0 && level > 0 && depth <= level:
			return out.String(), true
		case depth > 0 && level == 0 && names(line, version):
			level = depth
		case level > 0:
			out.WriteString(line)
		}
	}
	return out.String(), level > 0
}

// names says whether a heading names a version, with its v or without: not
// 1.16.0 where it names 1.16.0-rc.1.
func names(heading, version string) bool {
	bare := strings.TrimPrefix(version, "v")
	words := strings.FieldsFunc(heading, func(r rune) bool { return strings.ContainsRune(" \t\r\n[](),:#", r) })
	return slices.ContainsFunc(words, func(word string) bool { return strings.TrimPrefix(word, "v") == bare })
}
