package doctor

import (
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// heard is a line in which a symptom shows, and whose it is.
type heard struct {
	voice
	line string
}

func (h heard) services() []string {
	if h.service == "" {
		return nil
	}
	return []string{h.service}
}

// who names whose words they are, for a sentence.
func (h heard) who() string {
	switch {
	case h.service != "" && h.past:
		return "the new " + h.service
	case h.service != "":
		return h.service
	case h.past:
		return "the release"
	}
	return "a service"
}

// said finds the lines in which a symptom shows.
func (e *Evidence) said(symptom deploy.Symptom) []heard {
	var found []heard
	for _, voice := range e.voices() {
		if role := e.role(voice.service); role != RoleNone && aboutStores(symptom) {
			continue // what its clients did wrong stands in its own log as well
		}
		for _, sign := range deploy.Signs(voice.text) {
			if sign.Symptom == symptom {
				found = append(found, heard{voice, sign.Line})
			}
		}
	}
	return found
}

// aboutStores says whether a symptom is one of a database's or Redis's clients.
func aboutStores(symptom deploy.Symptom) bool {
	return strings.HasPrefix(string(symptom), "database-") || strings.HasPrefix(string(symptom), "redis-")
}

// saying makes a rule of a symptom: its findings are of those who show it.
func saying(symptom deploy.Symptom, finding func(*Evidence, heard) Finding) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		var findings []Finding
		for _, one := range e.said(symptom) {
			made := finding(e, one)
			if made.Title == "" {
				continue
			}
			made.Past, made.Services = one.past, one.services()
			if made.Evidence == nil {
				made.Evidence = []string{one.line}
			}
			if made.Fix == "" {
				made.Fix = symptom.Hint(one.service)
			}
			made.root = made.root || e.role(one.service) != RoleNone
			findings = append(findings, made)
		}
		return findings
	}
}
