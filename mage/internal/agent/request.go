// Package agent is what a laptop talks to on a host: the same binary, started
// over SSH, which reads one request from its standard input and answers with
// one JSON object a line. Both ends are always the same build, so that the
// form needs no versions.
package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/deploy/system"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Request is what a laptop asks. Whatever is secret travels in it, over
// standard input, and nowhere else.
type Request struct {
	Do  Action `json:"do"`
	Env string `json:"env"`
	// Who asks: "anna@laptop".
	Who string `json:"who"`
	// Now is the laptop's clock when it asked.
	Now time.Time `json:"now"`
	// Logins are those of the registries, by host.
	Logins  map[string]deploy.Login `json:"logins,omitempty"`
	Rollout *Rollout                `json:"rollout,omitempty"`
	Follow  *Follow                 `json:"follow,omitempty"`
	Setup   *Setup                  `json:"setup,omitempty"`
	// Variables is the content of a .env file, for env.
	Variables []byte `json:"variables,omitempty"`

	// Run is the transcript that a detached supervisor goes on with.
	Run *deploy.Run `json:"run,omitempty"`
	// Asks says that a worker may ask a person, through its supervisor.
	Asks bool `json:"asks,omitempty"`
}

// Action is what a request asks for.
type Action string

// The actions.
const (
	// Start starts a rollout that goes on without the connection, and follows.
	Start Action = "start"
	// Attend is the supervisor of a started rollout, Work its worker.
	Attend Action = "attend"
	Work   Action = "work"
	// Resume follows a rollout from where the connection was lost.
	Resume Action = "follow"
	// Cancel asks a rollout to go back, as Ctrl-C does where it runs.
	Cancel Action = "cancel"
	// Check looks whether a rollout could begin.
	Check Action = "check"
	// Stand says what the environment serves, and how that came about.
	Stand Action = "stand"
	// SetUp and LookOver prepare a host, and only look whether it is.
	SetUp    Action = "setup"
	LookOver Action = "look over"
	// DiffEnv and PushEnv compare and replace the host's .env.
	DiffEnv Action = "diff env"
	PushEnv Action = "push env"
)

// Rollout is a deploy, a rollback, a recovery, a restart or an adoption.
type Rollout struct {
	What    string `json:"what"`
	Version string `json:"version"`
	// Background is what the version was made of, as the laptop knows it.
	Background     *deploy.Background `json:"background,omitempty"`
	Rollback       bool               `json:"rollback,omitempty"`
	Adopt          bool               `json:"adopt,omitempty"`
	Undo           bool               `json:"undo,omitempty"`
	Recover        bool               `json:"recover,omitempty"`
	Renew          deploy.Renewal     `json:"renew,omitempty"`
	PlanOnly       bool               `json:"plan_only,omitempty"`
	AcceptDowntime bool               `json:"accept_downtime,omitempty"`
	Overlap        deploy.Overlap     `json:"overlap,omitempty"`
	Wait           time.Duration      `json:"wait,omitempty"`
	// Token names the rollout for whoever lost the connection before the host
	// could say that it runs.
	Token string `json:"token,omitempty"`
}

// command is the request as a command of this machine.
func (r *Request) command() session.Command {
	command := session.Command{
		Env: r.Env, Who: r.Who, Keychain: image.Logins(r.Logins, nil),
		Version: r.Rollout.Version, Background: r.Rollout.Background, Adopt: r.Rollout.Adopt, Undo: r.Rollout.Undo, Recover: r.Rollout.Recover,
	}
	command.Options = deploy.Options{
		Rollback: r.Rollout.Rollback, PlanOnly: r.Rollout.PlanOnly,
		AcceptDowntime: r.Rollout.AcceptDowntime, Overlap: r.Rollout.Overlap, Renew: r.Rollout.Renew,
	}
	return command
}

// Follow says which transcript is read, and from where.
type Follow struct {
	// Run is empty for the newest.
	Run  string `json:"run,omitempty"`
	From int64  `json:"from,omitempty"`
}

// Setup is what a host is prepared for.
type Setup struct {
	Directory string `json:"directory"`
	Owner     string `json:"owner"`
	Project   string `json:"project"`
	Ports     []int  `json:"ports,omitempty"`
}

// Line is one line of an answer: of a transcript, or of another action's.
type Line struct {
	deploy.TranscriptLine
	Item    *system.Item        `json:"item,omitempty"`
	Finding *deploy.Finding     `json:"finding,omitempty"`
	Env     *session.EnvChanges `json:"env,omitempty"`
	// Standing is the answer to Stand.
	Standing *session.Standing `json:"standing,omitempty"`
	// Text is for people.
	Text string `json:"text,omitempty"`
	// Ask is the registry whose login a worker asks for.
	Ask string `json:"ask,omitempty"`
}

// longestRequest bounds what is read.
const longestRequest = 4 << 20

func readRequest(in *json.Decoder) (*Request, error) {
	var request Request
	if err := in.Decode(&request); err != nil {
		// What could not be read may hold secrets, so it is not shown.
		return nil, &deploy.Failure{
			Status: deploy.ExitUsage, Err: errors.New("no request on standard input"),
			Hint: "host:serve is what a laptop's commands start over SSH; for people there are `mage -l`'s others.",
		}
	}
	return &request, nil
}

// ReadLines calls each for every whole line of an answer, with its length in
// bytes. Lines that are not of the form are taken as text: something on the
// host spoke between.
func ReadLines(in io.Reader, each func(line Line, length int)) error {
	reader := bufio.NewReaderSize(in, 64<<10)
	for {
		raw, err := reader.ReadBytes('\n')
		if err == nil {
			var line Line
			if json.Unmarshal(raw, &line) != nil {
				line = Line{Text: string(raw[:len(raw)-1])}
			}
			each(line, len(raw))
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("read the host's answer: %w", err)
	}
}
