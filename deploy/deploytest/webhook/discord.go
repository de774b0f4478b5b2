package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
)

// NewDiscord starts a server that takes what a webhook of Discord's takes.
func NewDiscord(t testing.TB) *Server {
	t.Helper()
	path := "/api/webhooks/1122334455667788/" + Secret
	s := start(t, &Server{
		take: func(w http.ResponseWriter, r *http.Request, body []byte) error {
			if r.URL.Path != path || r.URL.Query().Get("wait") != "true" {
				return fmt.Errorf("asked was %s?%s, without wait=true or of another webhook", r.URL.Path, r.URL.RawQuery)
			}
			if err := errors.Join(posted(r), CheckDiscord(body)); err != nil {
				return err
			}
			answer(w, http.StatusOK, `{"id": "1", "type": 0}`)
			return nil
		},
		refuse: func(w http.ResponseWriter, err error) {
			answer(w, http.StatusBadRequest, fmt.Sprintf(`{"message": "Invalid Form Body", "code": 50035, "errors": {"embeds": %q}}`, err.Error()))
		},
	})
	s.Address += path
	return s
}

// discordMessage is the body of "Execute Webhook", as Discord documents it.
type discordMessage struct {
	Content         *string          `json:"content"`
	Username        *string          `json:"username"`
	AvatarURL       *string          `json:"avatar_url"`
	TTS             *bool            `json:"tts"`
	Embeds          []discordEmbed   `json:"embeds"`
	AllowedMentions *discordMentions `json:"allowed_mentions"`
	Flags           *int             `json:"flags"`
	ThreadName      *string          `json:"thread_name"`
}

type discordMentions struct {
	Parse       *[]string `json:"parse"`
	Roles       []string  `json:"roles"`
	Users       []string  `json:"users"`
	RepliedUser bool      `json:"replied_user"`
}

type discordEmbed struct {
	Title       string `json:"title"`
	Type        string `json:"type"`
	Description string `json:"description"`
	URL         string `json:"url"`
	Timestamp   string `json:"timestamp"`
	Color       *int   `json:"color"`
	Footer      *struct {
		Text    string `json:"text"`
		IconURL string `json:"icon_url"`
	} `json:"footer"`
	Author *struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	} `json:"author"`
	Fields []struct {
		Name   string `json:"name"`
		Value  string `json:"value"`
		Inline bool   `json:"inline"`
	} `json:"fields"`
}

// Discord's documented limits.
const (
	discordEmbeds = 10
	discordInAll  = 6000
	discordFields = 25
)

// CheckDiscord says what Discord would refuse of a message, and what it would
// make of it that nobody meant: a mention, or a block of code that does not end.
func CheckDiscord(body []byte) error {
	var message discordMessage
	if err := decode(body, &message); err != nil {
		return err
	}
	c := &checker{}
	c.require(message.Content != nil || len(message.Embeds) > 0, "neither content nor embeds")
	c.require(len(message.Embeds) <= discordEmbeds, "%d embeds", len(message.Embeds))
	c.require(message.AllowedMentions != nil && message.AllowedMentions.Parse != nil && len(*message.AllowedMentions.Parse) == 0 &&
		len(message.AllowedMentions.Users)+len(message.AllowedMentions.Roles) == 0, "allowed_mentions lets something be expanded")
	if message.Username != nil {
		c.text("username", *message.Username, 80, true)
		c.require(!regexp.MustCompile(`(?i)discord|clyde|^everyone$|^here$`).MatchString(*message.Username), "username %q is reserved", *message.Username)
	}
	total := 0
	for _, embed := range message.Embeds {
		total += c.embed(embed)
	}
	c.require(total <= discordInAll, "%d characters in all embeds, %d are allowed", total, discordInAll)
	return errors.Join(c.errs...)
}

func (c *checker) embed(embed discordEmbed) (total int) {
	total += c.text("title", embed.Title, 256, false) + c.text("description", embed.Description, 4096, false)
	c.require(embed.Title+embed.Description != "" || len(embed.Fields) > 0, "an empty embed")
	c.require(len(embed.Fields) <= discordFields, "%d fields", len(embed.Fields))
	for _, field := range embed.Fields {
		total += c.text("field name", field.Name, 256, true) + c.text("field value", field.Value, 1024, true)
	}
	if embed.Footer != nil {
		total += c.text("footer", embed.Footer.Text, 2048, true)
	}
	if embed.Author != nil {
		total += c.text("author", embed.Author.Name, 256, true)
	}
	c.require(embed.Color != nil && *embed.Color >= 0 && *embed.Color <= 0xffffff, "no colour")
	if embed.Timestamp != "" {
		_, err := time.Parse(time.RFC3339, embed.Timestamp)
		c.require(err == nil, "timestamp %q is not ISO 8601", embed.Timestamp)
	}
	c.link("url", embed.URL)
	c.require(embed.Type == "" || embed.Type == "rich", "type %q", embed.Type)
	return total
}

// checker collects what is wrong with a message.
type checker struct{ errs []error }

func (c *checker) require(holds bool, format string, args ...any) {
	if !holds {
		c.errs = append(c.errs, fmt.Errorf(format, args...))
	}
}

// mention is what Discord would expand, and what people would take for it.
var mention = regexp.MustCompile(`@(everyone|here)|<[@#:t]|<!`)

// text checks one text, and gives its length.
func (c *checker) text(name, text string, limit int, needed bool) int {
	count := characters(text)
	c.require(count <= limit, "%s has %d characters, %d are allowed", name, count, limit)
	c.require(!needed || strings.TrimSpace(text) != "", "%s is empty", name)
	c.require(!mention.MatchString(text), "%s mentions somebody: %q", name, mention.FindString(text))
	if name != "plain text" {
		fences := strings.Count(text, "```")
		c.require(fences == 0 || fences == 2, "%s has blocks of code that do not end where they should", name)
	}
	c.require(!strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }), "%s has control characters", name)
	return count
}

func (c *checker) link(name, address string) {
	if address == "" {
		return
	}
	parsed, err := url.Parse(address)
	c.require(err == nil && parsed.Host != "" && (parsed.Scheme == "https" || parsed.Scheme == "http") && len(address) <= 2048, "%s is no web address: %q", name, address)
}
