package doctor

// The laptop's own causes.
const (
	CauseSSHUnreachable Cause = "ssh-unreachable"
	CauseSSHHostKey     Cause = "ssh-host-key"
	CauseSSHLogin       Cause = "ssh-login"
	CauseUnprepared     Cause = "host-not-prepared"
	CauseTagNotPushed   Cause = "tag-not-pushed"
)

// wayRules are about the way from a laptop to a host.
var wayRules = []rule{
	{CauseSSHUnreachable, "nothing answers on the host's SSH port", ground, remote(RemoteUnreachable)},
	{CauseSSHHostKey, "the host's key is unknown here, or another one than before", ground, remote(RemoteHostKey)},
	{CauseSSHLogin, "the host does not let this key in", ground, remote(RemoteLogin)},
	{CauseUnprepared, "the host has no program in the deploy directory", ground, remote(RemoteUnprepared)},
	{CauseTagNotPushed, "a release's tag exists on the laptop only", supply, remote(RemoteTag)},
}

func remote(kind RemoteReason) func(*Evidence) []Finding {
	return func(e *Evidence) []Finding {
		if e.Remote == nil || e.Remote.Problem == "" || e.Remote.Kind != kind {
			return nil
		}
		title := map[RemoteReason]string{
			RemoteUnreachable: e.Remote.Host + " cannot be reached over SSH",
			RemoteHostKey:     "the key of " + e.Remote.Host + " is not the one that is known here",
			RemoteLogin:       e.Remote.Host + " does not let this login in",
			RemoteUnprepared:  e.Remote.Host + " is not prepared",
			RemoteTag:         "the release's tag was not pushed",
		}[kind]
		return []Finding{{Title: title, Evidence: lines(e.Remote.Problem), Fix: e.Remote.Fix}}
	}
}
