package session

import (
	"github.com/freezedesign/webshop-deploy/deploy"
)

// Standing is what the records of an environment say: which release serves,
// and what came of each.
type Standing struct {
	// Serving is the identifier of the release that serves; empty for none.
	Serving string `json:"serving,omitempty"`
	// Records are the recorded releases, the newest first.
	Records []Record `json:"records,omitempty"`
}

// Record is a release with what came of the last command that rolled it out.
type Record struct {
	Release *deploy.Release `json:"release"`
	// Served says that it was committed once.
	Served bool `json:"served"`
	// Outcome is empty where that command was cut short.
	Outcome deploy.Outcome `json:"outcome,omitempty"`
}

// Stand reads the records; an environment that was never deployed has none, and
// a damaged one is left out.
func Stand(store *deploy.Store) (*Standing, error) {
	standing := &Standing{}
	var err error
	if standing.Serving, err = store.Serving(); err != nil {
		return nil, err
	}
	ids, err := store.Releases()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		release, err := store.Load(id)
		if err != nil {
			continue
		}
		record := Record{Release: release, Served: store.Served(id)}
		if report, err := store.Report(id); err == nil {
			record.Outcome = report.Outcome
		}
		standing.Records = append(standing.Records, record)
	}
	return standing, nil
}

// Now gives the record of the release that serves; nil for none.
func (s *Standing) Now() *Record {
	for at := range s.Records {
		if s.Records[at].Release.ID == s.Serving {
			return &s.Records[at]
		}
	}
	return nil
}
