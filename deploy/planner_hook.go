package deploy

import "slices"

// beforeSwitch plans the hooks that may still stop the release, once: the new
// containers stand, and nothing of what serves was touched. The way back and a
// recovery wait for nobody's command.
func (p *planner) beforeSwitch() {
	if p.hooked || p.back() || p.options.Recovering || !p.moves() {
		return
	}
	p.hooked = true
	p.hooks(HookBeforeSwitch)
}

// moves says whether the release starts something new beside what serves, or
// has requests go another way.
func (p *planner) moves() bool {
	return slices.ContainsFunc(p.rolled(), func(c *change) bool { return len(c.add) > 0 }) ||
		p.want.Environment.Proxy() != nil && !p.routes(p.finalRouting())
}

// afterSuccess plans the hooks of a release that serves.
func (p *planner) afterSuccess() {
	replaces := slices.ContainsFunc(p.changes, func(c *change) bool { return len(c.add)+len(c.drop) > 0 })
	if !p.back() && (replaces || len(p.gone) > 0) {
		p.hooks(HookAfterSuccess)
		if p.want.Environment.Settings.Sentry != nil {
			p.stage(Step{Action: ActionRegister, Service: p.want.Version, Cause: "x-deploy.sentry"})
		}
	}
}

func (p *planner) hooks(moment HookMoment) {
	for _, hook := range p.want.Environment.Settings.Hooks.at(moment) {
		p.stage(hook.step(moment))
	}
}
