package deploy

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
)

// Notify is x-deploy.notify: who is told what a command does.
type Notify struct {
	// Discord is the address of a webhook, which is a secret:
	// ${DISCORD_WEBHOOK_URL:-} in the Compose file, and the value in .env. An
	// empty one is off.
	Discord string `mapstructure:"discord"`
	// Slack is the address of a webhook, which is a secret:
	// ${SLACK_WEBHOOK_URL:-} in the Compose file, and the value in .env. An empty
	// one is off.
	Slack string `mapstructure:"slack"`
	// On says of what they are told.
	On []Occasion `mapstructure:"on"`
	// Address is where people look at the environment:
	// "https://staging.shop.example".
	Address string `mapstructure:"address"`
	// GitHub has whoever deploys record it in GitHub's list of deployments, with
	// the GITHUB_TOKEN there. Without it that is done in GitHub Actions only.
	GitHub *bool `mapstructure:"github"`
	// NameHost has each notice name the host. What ships sets it where there are
	// several, and nothing else is said.
	NameHost bool `mapstructure:"name_host"`
	// DiscordVariable and SlackVariable name the variables that hold the
	// addresses, for messages.
	DiscordVariable string `mapstructure:"-"`
	SlackVariable   string `mapstructure:"-"`
}

// Occasion is what somebody wants to be told of.
type Occasion string

// The occasions. A release that was taken back is a failure and a rollback.
const (
	OnStart    Occasion = "start"
	OnSuccess  Occasion = "success"
	OnFailure  Occasion = "failure"
	OnRollback Occasion = "rollback"
	OnRecovery Occasion = "recovery"
)

// occasions are all there are, which is the default.
var occasions = []Occasion{OnStart, OnSuccess, OnFailure, OnRollback, OnRecovery}

// The variables that the documentation gives the addresses.
const (
	discordVariable = "DISCORD_WEBHOOK_URL"
	slackVariable   = "SLACK_WEBHOOK_URL"
)

// Any says whether there is anybody to tell.
func (n Notify) Any() bool { return n.Discord != "" || n.Slack != "" }

// Wants says whether a notice is of what somebody wants to be told of.
func (n Notify) Wants(notice Notice) bool {
	return notice.Kind == NoticeTest || slices.ContainsFunc(notice.occasions(), func(o Occasion) bool { return slices.Contains(n.On, o) })
}

func (n *Notify) setDefaults() {
	if len(n.On) == 0 {
		n.On = slices.Clone(occasions)
	}
	n.Address = strings.TrimRight(n.Address, "/")
}

// Notify decodes x-deploy.notify alone, with the variables of the host, as it is
// read where nothing else of the file has to be.
func (m *Model) Notify(variables map[string]string) (Notify, error) {
	mistakes := &Mistakes{File: m.Path}
	var notify Notify
	raw := m.notify()
	lookup := func(name string) (string, bool) { value, ok := variables[name]; return value, ok }
	if raw != nil {
		decodeExtension(substitute(clone(raw), lookup), &notify, notifyPath, mistakes)
	}
	notify.setDefaults()
	notify.DiscordVariable, notify.SlackVariable = variableOf(raw["discord"], discordVariable), variableOf(raw["slack"], slackVariable)
	m.checkSecretAddresses(mistakes)
	checkNotify(notify, mistakes)
	return notify, mistakes.err()
}

const notifyPath = ExtensionKey + ".notify"

// notify is the section as it is written; nil without one.
func (m *Model) notify() map[string]any {
	extension, _ := m.content[ExtensionKey].(map[string]any)
	section, _ := extension["notify"].(map[string]any)
	return section
}

// variableOf names the variable that a value comes from.
func variableOf(value any, otherwise string) string {
	found := template.ExtractVariables(map[string]any{"": value}, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		return name
	}
	return otherwise
}

// NotifyVariables names the variables that hold the addresses of those who are
// told; none where nobody is.
func (m *Model) NotifyVariables() []string {
	section := m.notify()
	var names []string
	for _, one := range []struct{ key, variable string }{{"discord", discordVariable}, {"slack", slackVariable}} {
		if section[one.key] != nil {
			names = append(names, variableOf(section[one.key], one.variable))
		}
	}
	return names
}

// hosts are the environment's, as whoever ships knows them.
func (m *Model) hosts(variables map[string]string) []string {
	extension, _ := m.content[ExtensionKey].(map[string]any)
	lookup := func(name string) (string, bool) { value, ok := variables[name]; return value, ok }
	listed, _ := substitute(clone(extension["hosts"]), lookup).([]any)
	var hosts []string
	for _, one := range listed {
		if address, ok := one.(string); ok {
			hosts = append(hosts, address)
		}
	}
	return splitHosts(hosts)
}

// tellHost has the host name itself in what it tells, as far as it tells.
func tellHost(extension map[string]any) {
	if section, ok := extension["notify"].(map[string]any); ok && section["name_host"] == nil {
		section["name_host"] = true
	}
}

// checkSecretAddresses refuses an address that stands in the Compose file: who
// knows it can write to the channel, and a Compose file is in git, in releases
// and on laptops.
func (m *Model) checkSecretAddresses(mistakes *Mistakes) {
	section := m.notify()
	for _, one := range []struct{ key, variable string }{{"discord", discordVariable}, {"slack", slackVariable}} {
		written, ok := section[one.key].(string)
		if !ok {
			continue
		}
		// What is left without any variable is in the file.
		left, err := template.SubstituteWithOptions(written, func(string) (string, bool) { return "", false }, template.WithoutLogging)
		if err == nil && strings.TrimSpace(left) != "" {
			mistakes.add(notifyPath+"."+one.key, "holds an address, which is a secret: write ${%s:-} here, and %s=… into .env", one.variable, one.variable)
		}
	}
}

// checkNotify looks at all but the webhooks' addresses: their values are the
// host's, and one that is wrong there must not keep a release from being rolled
// out or back. Whoever sends says so.
func checkNotify(notify Notify, mistakes *Mistakes) {
	for _, occasion := range notify.On {
		if !slices.Contains(occasions, occasion) {
			mistakes.add(notifyPath+".on", "has %q; allowed: start, success, failure, rollback, recovery", occasion)
		}
	}
	if notify.Address != "" && !isWeb(notify.Address) {
		mistakes.add(notifyPath+".address", "is %q; allowed: the environment's http:// or https:// address", notify.Address)
	}
}

func isWeb(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.User == nil
}
