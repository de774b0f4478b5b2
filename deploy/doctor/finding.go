package doctor

import (
	"cmp"
	"slices"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Cause is the stable name of what is wrong: "database-unreachable".
type Cause string

// Severity says whether something does not work, or is about not to.
type Severity string

// The severities.
const (
	Broken  Severity = "broken"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong, what shows it, and what mends it.
type Finding struct {
	Cause    Cause    `json:"cause"`
	Severity Severity `json:"severity"`
	// Title says it in one sentence.
	Title string `json:"title"`
	// Services are those that it is about; none for the host or the database.
	Services []string `json:"services,omitempty"`
	// Evidence are the lines that show it.
	Evidence []string `json:"evidence,omitempty"`
	// Fix is what to do, a command to type first where there is one.
	Fix string `json:"fix"`
	// Past says that it is of the last command, which failed, and need not be so
	// any more.
	Past bool `json:"past,omitempty"`
	// Follows is the finding that this one is a consequence of.
	Follows Cause `json:"follows,omitempty"`

	// root says that others stand on what this is about, as on a database.
	root bool
}

// depth is how far down a cause lies: what lies deeper leads.
type depth int

const (
	// ground is what everything stands on: the host, the engine, its disk, the
	// configuration.
	ground depth = iota
	// supply is what the services need: the database, Redis, their images.
	supply
	// program is the service's own fault.
	program
	// surface is what is seen of it all from outside.
	surface
)

// rule finds one cause. Whoever reads the table reads the runbook.
type rule struct {
	cause Cause
	// symptom is what people see of it.
	symptom string
	depth   depth
	// look gives the findings without what the rule itself says: the cause; the
	// severity is Broken where it is not set.
	look func(*Evidence) []Finding
}

// rules in the order in which findings stand.
func rules() []rule {
	return slices.Concat(wayRules, groundRules, diskRules, databaseRules, redisRules, imageRules,
		startRules, migrationRules, healthRules, slowRules)
}

// Causes are all that are known, with what people see of each.
func Causes() map[Cause]string {
	causes := map[Cause]string{}
	for _, rule := range rules() {
		causes[rule.cause] = rule.symptom
	}
	return causes
}

// placed is a finding with its place in the order.
type placed struct {
	Finding
	depth depth
	order int
}

// Diagnose says what is wrong, the root cause before its consequences, what is
// so now before what made the last command fail; nothing where all is well.
func Diagnose(evidence Evidence) []Finding {
	var found []placed
	for order, rule := range rules() {
		for _, finding := range rule.look(&evidence) {
			finding.Cause = rule.cause
			finding.Severity = cmp.Or(finding.Severity, Broken)
			deep := rule.depth
			if finding.root {
				deep = ground
			}
			found = add(found, placed{finding, deep, order})
		}
	}
	found = withoutEchoes(found)
	for at := range found {
		found[at].Follows = leader(found, found[at])
	}
	slices.SortStableFunc(found, func(a, b placed) int {
		return cmp.Or(
			compare(a.Severity == Warning, b.Severity == Warning),
			compare(a.Follows != "", b.Follows != ""),
			compare(a.Past && !sameAsNow(found, a), b.Past && !sameAsNow(found, b)),
			cmp.Compare(a.depth, b.depth), cmp.Compare(a.order, b.order),
		)
	})
	findings := make([]Finding, len(found))
	for at, one := range found {
		one.Evidence = shown(one.Evidence)
		findings[at] = one.Finding
	}
	return findings
}

// compare puts false before true.
func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// add puts a finding beside the others, or together with the same one: two
// services that the database does not let in are one finding.
func add(found []placed, next placed) []placed {
	for at, one := range found {
		if one.Cause != next.Cause || one.Title != next.Title && !next.shared() {
			continue
		}
		found[at].Past = one.Past && next.Past
		found[at].Evidence = union(one.Evidence, next.Evidence)
		found[at].Services = union(one.Services, next.Services)
		return found
	}
	return append(found, next)
}

// shared says whether a cause lies beneath the services, so that several of
// them show the same one.
func (p placed) shared() bool { return p.depth < program }

func union(a, b []string) []string {
	for _, one := range b {
		if !slices.Contains(a, one) {
			a = append(a, one)
		}
	}
	return a
}

// withoutEchoes drops what another finding says better: of the failed command
// what is found of what runs as well, and of a service that a program's own
// fault is known of the general words.
func withoutEchoes(found []placed) []placed {
	return slices.DeleteFunc(slices.Clone(found), func(one placed) bool {
		return slices.ContainsFunc(found, func(other placed) bool {
			return other.Cause != one.Cause && general[one.Cause] && !general[other.Cause] && other.Severity == Broken &&
				other.depth <= program && (other.depth < program || meets(other.Services, one.Services))
		})
	})
}

// general are causes that only say that something is wrong. Where it is known
// what, they say nothing.
var general = map[Cause]bool{
	Cause(deploy.SymptomTraceback): true, CauseExits: true, CauseRestartLoop: true, CauseKilled: true,
	CauseMigrationFailed: true, CauseNothingListens: true, CauseUnexplained: true,
}

// leader is the finding that another one is a consequence of.
func leader(found []placed, one placed) Cause {
	if one.depth < surface && one.Severity == Broken {
		if one.depth != program {
			return ""
		}
	}
	for _, other := range found {
		if other.Severity != Broken || other.Cause == one.Cause || other.depth >= one.depth {
			continue
		}
		if other.Past && !one.Past {
			continue // what is gone does nothing any more
		}
		if other.depth < program && one.depth == surface || meets(other.Services, one.Services) {
			return other.Cause
		}
	}
	return ""
}

func meets(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

// sameAsNow says whether what was found of the last command is so now as well.
func sameAsNow(found []placed, one placed) bool {
	return slices.ContainsFunc(found, func(other placed) bool { return other.Cause == one.Cause && !other.Past })
}

// mostEvidence is how many lines show one finding.
const mostEvidence = 4

// longestEvidence is how much of one of them.
const longestEvidence = 300

func shown(lines []string) []string {
	var kept []string
	for _, line := range lines {
		line = deploy.Plain(line)
		if line == "" || len(kept) == mostEvidence {
			continue
		}
		if runes := []rune(line); len(runes) > longestEvidence {
			line = string(runes[:longestEvidence-1]) + "…"
		}
		kept = append(kept, line)
	}
	return kept
}

// Lead is the finding that explains why a command failed: one of the command
// itself, or what all of it stands on. Nil where none does.
func Lead(findings []Finding) *Finding {
	explains := func(finding Finding) bool {
		return finding.Severity == Broken && (finding.Past || depthOf(finding.Cause) <= supply)
	}
	if at := slices.IndexFunc(findings, explains); at >= 0 {
		return &findings[at]
	}
	return nil
}

func depthOf(cause Cause) depth {
	for _, rule := range rules() {
		if rule.cause == cause {
			return rule.depth
		}
	}
	return surface
}
