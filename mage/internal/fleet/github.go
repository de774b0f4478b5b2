package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/notify"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// recording is a command's entry in GitHub's list of deployments. Whoever has a
// token writes it: the CI job or the laptop, and never a host. What goes wrong
// with it is shown, and changes nothing.
type recording struct {
	fleet      *Fleet
	list       *notify.GitHub
	number     int64
	deployment notify.Deployment
}

// onGitHub says whether a command is recorded: in GitHub Actions, and where the
// settings say so.
func (f *Fleet) onGitHub() bool {
	if said := f.Settings.Notify.GitHub; said != nil {
		return *said
	}
	return os.Getenv("GITHUB_ACTIONS") == "true"
}

// record begins an entry for a rollout of a commit of that repository, by its
// web address.
func (f *Fleet) record(ctx context.Context, rollout agent.Rollout, repository, commit string) *recording {
	r := &recording{fleet: f}
	if !f.onGitHub() || rollout.PlanOnly {
		return r
	}
	if err := r.begin(ctx, rollout, repository, commit); err != nil {
		f.say("warning: %v", err)
	}
	return r
}

func (r *recording) begin(ctx context.Context, rollout agent.Rollout, repository, commit string) error {
	if commit == "" {
		return errors.New("GitHub's list of deployments was not told: the commit of " + rollout.Version + " is not known")
	}
	var err error
	if r.list, err = openGitHub(repository); err != nil {
		return fmt.Errorf("GitHub's list of deployments was not told: %w, or say x-deploy.notify.github: false", err)
	}
	r.deployment = notify.Deployment{
		Commit: commit, Environment: r.fleet.Name, Production: r.fleet.Name == "production",
		Text: "mage " + rollout.What, Address: r.fleet.Settings.Notify.Address, Log: jobAddress(),
	}
	r.number, err = r.list.Begin(context.WithoutCancel(ctx), r.deployment)
	return err
}

// end says how the command ended.
func (r *recording) end(ctx context.Context, err error) {
	if r.number == 0 {
		return
	}
	state := stateOf(err)
	if state == notify.InProgress {
		return // it goes on where nobody sees it from here
	}
	if told := r.list.Tell(context.WithoutCancel(ctx), r.number, r.deployment, state); told != nil {
		r.fleet.say("warning: %v", told)
	}
}

// stateOf gives the state that goes with how a command ended.
func stateOf(err error) notify.State {
	if err == nil {
		return notify.Success
	}
	status := deploy.ExitFailed
	if failure, ok := errors.AsType[*deploy.Failure](err); ok {
		status = failure.ExitStatus()
	}
	switch status {
	case deploy.ExitUnknown:
		return notify.InProgress
	case deploy.ExitUsage, deploy.ExitConsent, deploy.ExitLocked, deploy.ExitInterrupted:
		return notify.Inactive
	case deploy.ExitNeedsPerson:
		return notify.Errored
	default:
		return notify.Failure
	}
}

// openGitHub opens a repository at GitHub: what this process's variables say, as
// GitHub Actions sets them, and for the rest the one that the source is from, by
// its web address.
func openGitHub(repository string) (*notify.GitHub, error) {
	options := notify.GitHubOptions{
		Repository: os.Getenv("GITHUB_REPOSITORY"), API: os.Getenv("GITHUB_API_URL"),
		Token: cmp.Or(os.Getenv("GITHUB_TOKEN"), os.Getenv("GH_TOKEN")),
	}
	address, err := url.Parse(repository)
	if err != nil {
		address = &url.URL{}
	}
	options.Repository = cmp.Or(options.Repository, strings.Trim(address.Path, "/"))
	switch {
	case options.Token == "":
		return nil, errors.New("set GITHUB_TOKEN, in a workflow by `env: {GITHUB_TOKEN: \"${{ github.token }}\"}`")
	case options.API == "" && address.Hostname() != "github.com":
		// The token is for one host, and which that is nobody said.
		return nil, errors.New("the source is not from github.com: set GITHUB_API_URL for a GitHub of your own")
	}
	return notify.NewGitHub(options)
}

// jobAddress is where the output of this CI job is read; empty elsewhere.
func jobAddress() string {
	run := os.Getenv("GITHUB_RUN_ID")
	if run == "" {
		return ""
	}
	return cmp.Or(os.Getenv("GITHUB_SERVER_URL"), "https://github.com") + "/" + os.Getenv("GITHUB_REPOSITORY") + "/actions/runs/" + run
}

// recordKnown is record for a version that the hosts know: its own record says
// what it was made of.
func (f *Fleet) recordKnown(ctx context.Context, rollout agent.Rollout) *recording {
	if !f.onGitHub() || rollout.PlanOnly {
		return &recording{fleet: f}
	}
	repository, commit := "", ""
	standing, err := f.Hosts[0].Stand(ctx)
	if err == nil {
		if release := standing.Known(rollout.Version); release != nil {
			commit, repository = release.Commit(), release.Background.Repository
		}
	}
	if tree, err := source.Read(ctx, f.Root); repository == "" && err == nil {
		repository = tree.Remote
	}
	return f.record(ctx, rollout, repository, commit)
}
