package deploy

import (
	"fmt"
	"slices"
	"strings"
)

// schema finds the places of the pending migrations, and what of the database
// stands in the way of a release that is older than it.
func (p *planner) schema() error {
	if err := p.ahead(); err != nil {
		return err
	}
	m := p.want.Environment.Migrations
	if m == nil || p.back() || p.state.Schema == nil {
		return nil
	}
	p.place(m)
	if p.want.Environment.Settings.Backups != nil && slices.ContainsFunc(p.state.Schema.Pending, Migration.risky) {
		p.stage(Step{Action: ActionBackup, Service: p.want.Environment.Settings.Backups.Service, Cause: "before migrations that may not be undone"})
	}
	return nil
}

// risky says whether a backup is wanted before the migration.
func (m Migration) risky() bool { return !m.Survived() || m.Reversal() != Reversible }

// place divides what is pending. In the order auto, what the release that
// serves survives comes before the switch, and the rest, from the first on that
// it does not survive, behind it. What the new code needs cannot wait so long:
// then one of the two fails for a while, whatever the order.
func (p *planner) place(m *Migrations) {
	pending := p.state.Schema.Pending
	switch m.Order {
	case MigrateBefore:
		p.before = pending
	case MigrateAfter:
		p.after = pending
		if at := slices.IndexFunc(pending, Migration.Needed); at >= 0 {
			p.interrupt(m, fmt.Sprintf("%s fails until %s is applied: %s", p.want, pending[at], pending[at].why(Operation.needed)),
				"Say order: auto under x-deploy.migrations, and it runs before the switch.")
		}
		return
	case MigrateAuto:
		first := slices.IndexFunc(pending, func(m Migration) bool { return !m.Survived() })
		if first < 0 || m.Framework == "" {
			first = len(pending)
		}
		last := first
		for at := first; at < len(pending); at++ {
			if pending[at].Needed() {
				last = at + 1
			}
		}
		p.before, p.after = pending[:last], pending[last:]
	}
	for _, one := range p.before {
		if one.Survived() || one.Unknown() && (m.Order == MigrateBefore || m.Framework == "") {
			continue
		}
		p.interrupt(m, p.between(one), "Without a gap it takes two releases: first the schema, made so that "+p.state.Serving.String()+" survives it, then the code.")
		return
	}
}

// between says why a migration fits neither before the switch nor behind it.
func (p *planner) between(first Migration) string {
	text := fmt.Sprintf("%s fails once %s is applied: %s", p.state.Serving, first, first.why(Operation.fatal))
	if first.Unknown() {
		text = fmt.Sprintf("it is not known whether %s survives %s: %s", p.state.Serving, first, first.why(Operation.fatal))
	}
	if p.want.Environment.Migrations.Order == MigrateBefore {
		return text + " (order: before)"
	}
	last := p.before[len(p.before)-1] // it is what brought the others before the switch
	return fmt.Sprintf("%s; and %s fails until %s is: %s", text, p.want, last, last.why(Operation.needed))
}

func (o Operation) needed() bool { return o.Needed }
func (o Operation) fatal() bool  { return !o.Survived }

// why gives the reason of the first operation that passes.
func (m Migration) why(pass func(Operation) bool) string {
	for _, operation := range m.Operations {
		if pass(operation) {
			if operation.Why != "" {
				return operation.Why
			}
			return operation.Text
		}
	}
	return "nothing is known of it"
}

// interrupt notes that the service fails for a while.
func (p *planner) interrupt(m *Migrations, cause, advice string) {
	p.plan.Interruptions = append(p.plan.Interruptions, Interruption{Service: m.Service, Seconds: interruptionSeconds, Cause: cause, Advice: advice})
}

// migrate plans what has its place there.
func (p *planner) migrate(when MigrationOrder) {
	m := p.want.Environment.Migrations
	if m == nil || p.back() || !p.changed(m.Service) {
		return
	}
	step := Step{Action: ActionMigrate, Service: m.Service}
	if p.state.Serving != nil && p.state.Schema != nil {
		these := p.before
		if when == MigrateAfter {
			these = p.after
		}
		for _, one := range these {
			breaks := p.breaks(m, one, when)
			step.Breaks = step.Breaks || breaks
			step.Migrations = append(step.Migrations, StepMigration{MigrationID: one.MigrationID, Breaks: breaks, Note: one.note()})
		}
		if len(these) == 0 {
			return
		}
		step.Cause = p.placeCause(m, when, these)
		p.stage(step)
		return
	}
	order := m.Order
	step.Cause = "order: " + string(order)
	switch {
	case p.state.Serving == nil:
		order, step.Cause = MigrateBefore, "first deploy: all of them"
	case order == MigrateAuto:
		order, step.Cause = MigrateBefore, "nothing is known of them"
	}
	if order == when {
		step.Breaks = when == MigrateAfter
		p.stage(step)
	}
}

// breaks says whether the way is forward once the migration has begun. Of what
// nobody knows, whoever wants it before the switch says that it is survived.
func (p *planner) breaks(m *Migrations, one Migration, when MigrationOrder) bool {
	if one.Survived() {
		return false
	}
	told := m.Framework == "" || m.Order == MigrateBefore && one.Unknown()
	return when == MigrateAfter || !told
}

// placeCause says why migrations come where they come.
func (p *planner) placeCause(m *Migrations, when MigrationOrder, these []Migration) string {
	switch {
	case m.Order != MigrateAuto:
		return "order: " + string(m.Order)
	case m.Framework == "":
		return "nothing is known of them"
	case when == MigrateAfter:
		return "behind the switch: " + p.state.Serving.String() + " may not survive them"
	case slices.ContainsFunc(these, func(m Migration) bool { return !m.Survived() }):
		return p.want.String() + " needs them"
	default:
		return p.state.Serving.String() + " survives them"
	}
}

// note says in a line what is known of a migration.
func (m Migration) note() string {
	if len(m.Operations) == 0 {
		return "nothing is known of it"
	}
	var words []string
	switch {
	case m.Survived():
		words = append(words, "additive")
	case m.Unknown():
		words = append(words, "not known to be additive")
	default:
		words = append(words, "not additive: "+m.why(Operation.fatal))
	}
	words = append(words, string(m.Reversal()))
	if blocks := m.Blocks(); blocks != "" {
		words = append(words, "blocks writes while it "+blocks)
	}
	if !m.Transactional {
		words = append(words, "not in one transaction")
	}
	return strings.Join(words, "; ")
}

// ahead looks whether the wanted release runs on a database that is newer than
// it. Where it does not, what is newer is undone first, if that loses nothing.
func (p *planner) ahead() error {
	m, ahead := p.want.Environment.Migrations, p.state.Ahead
	fatal := slices.IndexFunc(ahead, func(m Migration) bool { return !m.Survived() && !m.Unknown() })
	unknown := slices.IndexFunc(ahead, func(m Migration) bool { return !m.Survived() })
	switch {
	case unknown < 0:
		return nil
	case fatal < 0:
		p.interrupt(m, fmt.Sprintf("it is not known whether %s runs on a database with %s: %s", p.want, ahead[unknown], ahead[unknown].why(Operation.fatal)),
			"Its code and the schema together: "+strings.Join(p.reverts(), ", ")+" first.")
		return nil
	}
	if at := slices.IndexFunc(ahead, func(m Migration) bool { return m.Reversal() != Reversible }); at >= 0 {
		one := ahead[at]
		return &Failure{
			Err: fmt.Errorf("%s does not run on a database with %s (%s), and %s cannot be undone whole: %s: %s\nnothing was touched",
				p.want, ahead[fatal], ahead[fatal].why(Operation.fatal), one, one.Reversal(), one.why(func(o Operation) bool { return o.Reversal == one.Reversal() })),
			Hint: "Deploy a corrected release; or go back with the data: mage backup:list, mage backup:restore.\nWhat would be undone: " + strings.Join(p.reverts(), ", "),
		}
	}
	step := Step{Action: ActionRevert, Service: m.Service, Breaks: true, Cause: p.want.String() + " does not run on them"}
	for _, one := range ahead {
		step.Migrations = append(step.Migrations, StepMigration{MigrationID: one.MigrationID, Breaks: true, Note: one.note()})
	}
	p.interrupt(m, fmt.Sprintf("%s does not run on a database with %s: %s", p.want, ahead[fatal], ahead[fatal].why(Operation.fatal)), "")
	p.plan.revertTo = p.state.AheadOf
	p.stage(step)
	return nil
}

// reverts are the commands that take the schema back.
func (p *planner) reverts() []string {
	var commands []string
	for _, target := range p.state.AheadOf {
		commands = append(commands, fmt.Sprintf("mage migrate:revert %s %s", target.App, target.Name))
	}
	return commands
}
