package deploy

import "testing"

func TestTheWayIsForwardOnceTheDatabaseIsMigrated(t *testing.T) {
	plan := func(version string) Event { return Event{Kind: EventPlan, Release: version} }
	step := func(kind EventKind, action Action) Event { return Event{Kind: kind, Step: &Step{Action: action}} }
	switched := step(EventDone, ActionSwitch)
	survived := step(EventStart, ActionMigrate)
	begun := Event{Kind: EventStart, Step: &Step{Action: ActionMigrate, Breaks: true}}
	undone := Event{Kind: EventStart, Step: &Step{Action: ActionRevert, Breaks: true}}
	for _, test := range []struct {
		name   string
		events []Event
		want   string
	}{
		{"nothing", nil, ""},
		{"what is survived", []Event{plan("v2"), survived, step(EventDone, ActionMigrate), switched}, ""},
		{"before the switch", []Event{plan("v2"), begun, step(EventDone, ActionMigrate), switched}, "v2"},
		{"taken back", []Event{plan("v1"), undone}, "v1"},
		{"failed for good", []Event{plan("v2"), switched, begun, {Kind: EventOutcome, Text: string(OutcomeStuck)}}, "v2"},
		{"behind the switch", []Event{plan("v2"), switched, begun}, "v2"},
		{"and done", []Event{plan("v2"), switched, begun, step(EventDone, ActionMigrate)}, "v2"},
		{"committed", []Event{plan("v2"), switched, begun, step(EventDone, ActionCommit)}, ""},
		{"failed, and went back by itself", []Event{plan("v2"), switched, begun, {Kind: EventBack}, plan("v1")}, ""},
		{"ended", []Event{plan("v2"), switched, begun, {Kind: EventOutcome}}, ""},
		{"another command since", []Event{plan("v2"), switched, begun, plan("v3"), switched}, ""},
	} {
		if got := migrating(test.events); got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
}
