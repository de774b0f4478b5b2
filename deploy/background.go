package deploy

import "time"

// Background is what a release was made of and after what, as far as whoever
// deployed it could tell: a laptop or a CI job has the source, a host has not.
type Background struct {
	// Commit is the source's whole hash; empty where it is not known.
	Commit string `json:"commit,omitempty"`
	// Branch is empty where none was checked out.
	Branch string `json:"branch,omitempty"`
	// Repository is the source's web address: "https://github.com/freezedesign/shop".
	Repository string `json:"repository,omitempty"`
	// Commits are those since the release that served before, the newest first;
	// More counts those that are not among them.
	Commits []SourceCommit `json:"commits,omitempty"`
	More    int            `json:"more_commits,omitempty"`
	// Waivers are what of the checklist was let pass, and why.
	Waivers []Waiver `json:"waivers,omitempty"`
}

// MostCommits is how many a Background names.
const MostCommits = 30

// SourceCommit is one commit of the source.
type SourceCommit struct {
	Hash    string    `json:"hash"`
	Author  string    `json:"author"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
}

// Waiver is an item of the checklist that somebody let pass.
type Waiver struct {
	Item   string `json:"item"`
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"`
}

// Commit is the hash of the source that a release was made of; empty where it
// is not known.
func (r *Release) Commit() string {
	if r == nil || r.Background == nil {
		return ""
	}
	return r.Background.Commit
}
