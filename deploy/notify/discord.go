package notify

import (
	"net/url"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Discord's limits, as it documents them. Its own count is of characters; ours
// is never smaller.
const (
	discordTitle       = 256
	discordDescription = 4096
	discordFieldValue  = 1024
	discordInAll       = 6000
)

// What the parts of a description may take of it; the commits have the rest.
const (
	discordCause  = 900
	discordLines  = 1500
	discordAdvice = 500
	discordFact   = 250
	discordWaived = 800
)

// colours of the kinds, as 0xRRGGBB.
var colours = map[deploy.NoticeKind]int{
	deploy.NoticeStarted:    0x3498db,
	deploy.NoticeDeployed:   0x2ecc71,
	deploy.NoticeFailed:     0xe74c3c,
	deploy.NoticeRolledBack: 0xe67e22,
	deploy.NoticeRecovered:  0xf1c40f,
	deploy.NoticeTest:       0x95a5a6,
}

// discordMessage is the body that a webhook takes.
type discordMessage struct {
	Username        string          `json:"username"`
	Embeds          []discordEmbed  `json:"embeds"`
	AllowedMentions discordMentions `json:"allowed_mentions"`
}

// discordMentions lets nothing be expanded, whatever stands in the texts.
type discordMentions struct {
	Parse []string `json:"parse"`
}

type discordEmbed struct {
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	URL         string         `json:"url,omitempty"`
	Color       int            `json:"color"`
	Timestamp   string         `json:"timestamp"`
	Fields      []discordField `json:"fields,omitempty"`
}

type discordField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

// discordBody makes the message of a notice.
func discordBody(n deploy.Notice) any {
	embed := discordEmbed{
		Title: fit(clean(n.Title), discordTitle, escapeMarkdown), Color: colours[n.Kind],
		URL: webLink(n.Address), Timestamp: n.At.UTC().Format(time.RFC3339),
	}
	total := length(embed.Title)
	for _, fact := range facts(n) {
		limit := discordFact
		if fact.name == "Let pass" {
			limit = discordWaived
		}
		field := discordField{Name: fact.name, Inline: !fact.wide}
		if fact.code {
			field.Value = "`" + fit(fact.value, limit-2, escapeCode) + "`"
		} else {
			field.Value = fit(fact.value, min(limit, discordFieldValue), escapeMarkdown)
		}
		total += length(field.Name) + length(field.Value)
		embed.Fields = append(embed.Fields, field)
	}
	embed.Description = discordText(n, min(discordDescription, discordInAll-total))
	return discordMessage{
		Username: "mage", Embeds: []discordEmbed{embed}, AllowedMentions: discordMentions{Parse: []string{}},
	}
}

// discordText is the cause, what failed said last, what to do, and the commits.
func discordText(n deploy.Notice, limit int) string {
	var parts []string
	add := func(part string) {
		if part != "" {
			parts = append(parts, part)
			limit -= length(part) + 2
		}
	}
	add(fit(strings.Join(lines(n.Cause), " · "), discordCause, escapeMarkdown))
	if block := tail(n.Lines, discordLines, escapeCode); block != "" {
		add("```\n" + block + "\n```")
	}
	add(fit(strings.Join(lines(n.Advice), " "), discordAdvice, escapeMarkdown))
	add(commitLines(n, limit, escapeMarkdown))
	return strings.Join(parts, "\n\n")
}

// escapeMarkdown keeps a rune from being anything but itself: no formatting, no
// link with another text, no mention.
func escapeMarkdown(r rune) string {
	switch r {
	case '@':
		return "@" + zeroWidth
	case '<':
		return `\<` + zeroWidth
	case '\\', '*', '_', '~', '`', '|', '>', '#', '[':
		return `\` + string(r)
	default:
		return string(r)
	}
}

// escapeCode is the same within code, where only its end and mentions matter.
func escapeCode(r rune) string {
	switch r {
	case '`', '@', '<':
		return string(r) + zeroWidth
	default:
		return string(r)
	}
}

// webLink gives an address that a service takes for a link; empty for others.
func webLink(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" || length(address) > longestLink {
		return ""
	}
	return parsed.String()
}

// longestLink is what both services take of an address.
const longestLink = 2048
