// Package starter proposes how a Compose project is deployed with these targets:
// what each of its services is, the environment files that extend it, and what
// stands in the way of a deploy that loses no request. It reads; only Write
// writes, and never over a file that is there.
package starter

import (
	"cmp"
	"context"
	"slices"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/sirupsen/logrus"
)

// Kind is what a service is, which decides how it is replaced.
type Kind string

const (
	// KindWeb answers HTTP and is routed by the proxy.
	KindWeb Kind = "web"
	// KindAlone answers HTTP, and must not run twice: it is left alone.
	KindAlone Kind = "alone"
	// KindEdge is a reverse proxy of the project's own that ends TLS.
	KindEdge Kind = "edge"
	// KindUpstream is asked by another service in words other than HTTP, as
	// PHP-FPM is.
	KindUpstream Kind = "upstream"
	// KindWorker takes tasks from a queue.
	KindWorker Kind = "worker"
	// KindScheduler starts tasks by the clock: never two at once.
	KindScheduler Kind = "scheduler"
	KindDatabase  Kind = "database"
	KindCache     Kind = "cache"
	KindBroker    Kind = "broker"
	KindSearch    Kind = "search"
	KindStorage   Kind = "storage"
	// KindTask runs once and ends, such as a migration.
	KindTask Kind = "task"
	// KindTool is for developers.
	KindTool Kind = "tool"
	// KindOther is a service of which nothing says what it does.
	KindOther Kind = "other"
)

// stores says whether a service keeps what others rely on.
func (k Kind) stores() bool {
	return slices.Contains([]Kind{KindDatabase, KindCache, KindBroker, KindSearch, KindStorage}, k)
}

// rolled says whether old and new containers run side by side.
func (k Kind) rolled() bool { return k == KindWeb || k == KindUpstream || k == KindWorker }

// Level says what a finding asks of people.
type Level string

const (
	// Blocks keeps a deploy from losing nothing, until somebody changes it.
	Blocks Level = "blocks"
	// Changed is what the proposal has already done otherwise.
	Changed Level = "changed"
	// Judge is what only a person can judge.
	Judge Level = "look"
)

// Finding is one thing that matters to a rollout.
type Finding struct {
	Level Level
	// Where is the path in the Compose file: "services.web.ports".
	Where string
	// What is so, and How to have it otherwise.
	What, How string
}

// Guess is what a service is taken for, with the fact that says so.
type Guess struct {
	Service string
	Kind    Kind
	Reason  string
}

// File is one file to write; its path is relative to the project.
type File struct {
	Path    string
	Content string
}

// Proposal is how a Compose project is deployed with these targets.
type Proposal struct {
	// Name is the Compose project's.
	Name string
	// Source is the Compose file that the proposal extends.
	Source   string
	Guesses  []Guess
	Findings []Finding
	Files    []File
	// Next are the commands behind the writing.
	Next []string
}

// find notes a finding.
func (p *Proposal) find(level Level, where, what, how string) {
	p.Findings = append(p.Findings, Finding{Level: level, Where: where, What: what, How: how})
}

// Propose looks at a project and proposes. A project without a service that
// answers HTTP is refused: there would be nothing to deploy without a gap.
func Propose(project *Project) (*Proposal, error) {
	p := &Proposal{Name: project.Name, Source: project.File}
	guesses := classify(project)
	if err := served(project, guesses); err != nil {
		return nil, err
	}
	d := &drafter{Proposal: p, project: project, kinds: map[string]*guess{}, secrets: newSecrets()}
	for _, one := range guesses {
		d.kinds[one.facts.name] = one
		p.Guesses = append(p.Guesses, Guess{Service: one.facts.name, Kind: one.kind, Reason: one.reason})
	}
	for _, name := range cli.DefaultOverrideFileNames {
		if project.has(name) {
			p.find(Judge, name, "is Compose's for this machine, and no part of the environments", "What of it production needs, too, belongs into "+project.File+".")
		}
	}
	d.draft(guesses)
	p.Files = d.files()
	p.Next = d.next()
	rank := map[Level]int{Blocks: 0, Changed: 1, Judge: 2}
	slices.SortStableFunc(p.Findings, func(a, b Finding) int { return cmp.Compare(rank[a.Level], rank[b.Level]) })
	return p, nil
}

// Open reads the project in a folder and proposes.
func Open(ctx context.Context, root string) (*Proposal, error) {
	// Compose warns of variables without a value, which only the host has.
	level := logrus.GetLevel()
	logrus.SetLevel(logrus.ErrorLevel)
	defer logrus.SetLevel(level)
	project, err := Read(ctx, root)
	if err != nil {
		return nil, err
	}
	return Propose(project)
}
