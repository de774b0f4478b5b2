package notify

import (
	"fmt"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Slack's limits, as it documents them for its blocks.
const (
	slackHeader   = 150
	slackSection  = 3000
	slackFields   = 10
	slackField    = 2000
	slackFallback = 3000
)

// slackMessage is the body that an incoming webhook takes. The blocks stand in
// an attachment, which is what has a colour.
type slackMessage struct {
	Text        string            `json:"text"`
	Attachments []slackAttachment `json:"attachments"`
	UnfurlLinks bool              `json:"unfurl_links"`
	UnfurlMedia bool              `json:"unfurl_media"`
}

type slackAttachment struct {
	Color  string       `json:"color"`
	Blocks []slackBlock `json:"blocks"`
}

// slackBlock is a header, a section or a context.
type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Fields   []slackText `json:"fields,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

// slackText is plain for all that comes from outside: plain text has no
// formatting, no mention and no emoji. Only code is marked up.
type slackText struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji,omitempty"`
}

func plain(text string) slackText { return slackText{Type: "plain_text", Text: text, Emoji: new(bool)} }

func markup(text string) slackText { return slackText{Type: "mrkdwn", Text: text} }

// slackBody makes the message of a notice.
func slackBody(n deploy.Notice) any {
	header := plain(fit(clean(n.Title), slackHeader, escapeSlack))
	blocks := []slackBlock{{Type: "header", Text: &header}}
	section := func(text slackText) {
		if text.Text != "" {
			blocks = append(blocks, slackBlock{Type: "section", Text: &text})
		}
	}
	section(plain(fit(strings.Join(lines(n.Cause), "\n"), slackSection, escapeSlack)))
	if block := tail(n.Lines, slackSection-len("```\n\n```"), escapeSlackCode); block != "" {
		section(markup("```\n" + block + "\n```"))
	}
	section(plain(fit(strings.Join(lines(n.Advice), "\n"), slackSection, escapeSlack)))
	section(plain(commitLines(n, slackSection, escapeSlack)))
	var fields []slackText
	var code []slackText
	for _, fact := range facts(n) {
		switch {
		case fact.code:
			code = append(code, markup(fact.name+": `"+fit(fact.value, slackField-len(fact.name)-4, escapeSlackCode)+"`"))
		case len(fields) < slackFields:
			fields = append(fields, plain(fact.name+": "+fit(fact.value, slackField-len(fact.name)-2, escapeSlack)))
		}
	}
	if len(fields) > 0 {
		blocks = append(blocks, slackBlock{Type: "section", Fields: fields})
	}
	if link := webLink(n.Address); link != "" {
		code = append(code, markup(escapeAll(link, escapeLink)))
	}
	if len(code) > 0 {
		blocks = append(blocks, slackBlock{Type: "context", Elements: code})
	}
	return slackMessage{
		Text:        fit(clean(n.Title), slackFallback, escapeSlack),
		Attachments: []slackAttachment{{Color: fmt.Sprintf("#%06x", colours[n.Kind]), Blocks: blocks}},
	}
}

// escapeSlack keeps a rune from being one of Slack's control characters, and an
// at sign from being a mention.
func escapeSlack(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '@':
		return "@" + zeroWidth
	default:
		return string(r)
	}
}

func escapeSlackCode(r rune) string {
	if r == '`' {
		return "`" + zeroWidth
	}
	return escapeSlack(r)
}

// escapeLink is for an address, which has to stay one.
func escapeLink(r rune) string {
	if r == '@' {
		return "%40"
	}
	return escapeSlack(r)
}
