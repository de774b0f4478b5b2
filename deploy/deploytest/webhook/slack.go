package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// NewSlack starts a server that takes what an incoming webhook of Slack's takes.
func NewSlack(t testing.TB) *Server {
	t.Helper()
	path := "/services/T00000000/B00000000/" + Secret
	s := start(t, &Server{
		take: func(w http.ResponseWriter, r *http.Request, body []byte) error {
			if r.URL.Path != path || r.URL.RawQuery != "" {
				return fmt.Errorf("asked was %s?%s", r.URL.Path, r.URL.RawQuery)
			}
			if err := errors.Join(posted(r), CheckSlack(body)); err != nil {
				return err
			}
			answer(w, http.StatusOK, "ok")
			return nil
		},
		refuse: func(w http.ResponseWriter, _ error) { answer(w, http.StatusBadRequest, "invalid_blocks") },
	})
	s.Address += path
	return s
}

// slackMessage is the body of an incoming webhook, as Slack documents it.
type slackMessage struct {
	Text        string       `json:"text"`
	Blocks      []slackBlock `json:"blocks"`
	Attachments []struct {
		Color    string       `json:"color"`
		Fallback string       `json:"fallback"`
		Blocks   []slackBlock `json:"blocks"`
	} `json:"attachments"`
	Mrkdwn      *bool  `json:"mrkdwn"`
	ThreadTS    string `json:"thread_ts"`
	UnfurlLinks *bool  `json:"unfurl_links"`
	UnfurlMedia *bool  `json:"unfurl_media"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	BlockID  string      `json:"block_id"`
	Text     *slackText  `json:"text"`
	Fields   []slackText `json:"fields"`
	Elements []slackText `json:"elements"`
}

type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim *bool  `json:"verbatim"`
}

// Slack's documented limits.
const (
	slackBlocks      = 50
	slackAttachments = 100
	slackMessageText = 40000
)

// CheckSlack says what Slack would refuse of a message, and what it would make
// of it that nobody meant.
func CheckSlack(body []byte) error {
	var message slackMessage
	if err := decode(body, &message); err != nil {
		return err
	}
	c := &checker{}
	c.require(strings.TrimSpace(message.Text) != "", "no text for where blocks are not shown")
	c.slackText("plain text", message.Text, slackMessageText)
	c.require(len(message.Attachments) <= slackAttachments, "%d attachments", len(message.Attachments))
	blocks := len(message.Blocks)
	for _, block := range message.Blocks {
		c.block(block)
	}
	for _, attachment := range message.Attachments {
		c.require(regexp.MustCompile(`^(#[0-9a-f]{6}|good|warning|danger)$`).MatchString(attachment.Color), "colour %q", attachment.Color)
		blocks += len(attachment.Blocks)
		for _, block := range attachment.Blocks {
			c.block(block)
		}
	}
	c.require(blocks <= slackBlocks, "%d blocks", blocks)
	return errors.Join(c.errs...)
}

func (c *checker) block(block slackBlock) {
	c.require(characters(block.BlockID) <= 255, "block_id %q", block.BlockID)
	switch block.Type {
	case "header":
		c.require(block.Text != nil && block.Text.Type == "plain_text", "a header without plain text")
		if block.Text != nil {
			c.object("header", *block.Text, 150)
		}
		c.require(block.Fields == nil && block.Elements == nil, "a header with more than its text")
	case "section":
		c.require(block.Text != nil || len(block.Fields) > 0, "a section with neither text nor fields")
		if block.Text != nil {
			c.object("section", *block.Text, 3000)
		}
		c.require(len(block.Fields) <= 10, "%d fields", len(block.Fields))
		for _, field := range block.Fields {
			c.object("field", field, 2000)
		}
		c.require(block.Elements == nil, "a section with elements")
	case "context":
		c.require(len(block.Elements) > 0 && len(block.Elements) <= 10, "a context with %d elements", len(block.Elements))
		for _, element := range block.Elements {
			c.object("context", element, 3000)
		}
		c.require(block.Text == nil && block.Fields == nil, "a context with more than elements")
	default:
		c.require(false, "a block of type %q", block.Type)
	}
}

func (c *checker) object(name string, text slackText, limit int) {
	c.require(text.Type == "plain_text" || text.Type == "mrkdwn", "%s: a text of type %q", name, text.Type)
	c.require(text.Type == "plain_text" || text.Emoji == nil, "%s: emoji is for plain text", name)
	c.require(text.Type == "mrkdwn" || text.Verbatim == nil, "%s: verbatim is for mrkdwn", name)
	c.require(strings.TrimSpace(text.Text) != "", "%s: an empty text", name)
	if text.Type == "plain_text" {
		name = "plain text" // of which nothing is marked up
	}
	c.slackText(name, text.Text, limit)
}

// notEscaped is a control character of Slack's.
var notEscaped = regexp.MustCompile(`[<>]|&([^alg]|$)|&(a[^m]|am[^p]|l[^t]|g[^t])`)

func (c *checker) slackText(name, text string, limit int) {
	c.text(name, text, limit, false)
	c.require(!notEscaped.MatchString(text), "%s has a control character: %q", name, notEscaped.FindString(text))
}
