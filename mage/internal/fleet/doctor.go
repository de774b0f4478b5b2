package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// Doctor has each host look at itself, and adds what only this machine sees: the
// way to it. A bundle is made there and written here.
func (f *Fleet) Doctor(ctx context.Context, bundle string) ([]*session.Diagnosis, error) {
	var all []*session.Diagnosis
	for at, host := range f.Hosts {
		all = append(all, host.doctor(ctx))
		if bundle == "" || host.client == nil {
			continue
		}
		name := bundle
		if at > 0 && bundle != "-" {
			name = fmt.Sprintf("%s.%d", bundle, at+1)
		}
		if err := host.bundle(ctx, name); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (h *Host) doctor(ctx context.Context) *session.Diagnosis {
	began := time.Now()
	evidence := doctor.Evidence{Environment: h.fleet.Name, Remote: h.tag(ctx)}
	if err := h.dial(ctx); err != nil {
		evidence.Remote = wayOf(h.Address, err)
		return h.diagnosed(began, evidence)
	}
	var out, said bytes.Buffer
	err := h.stream(ctx, &out, &said, "doctor", "-json", "-env="+h.fleet.Name)
	var diagnosis session.Diagnosis
	if json.Unmarshal(out.Bytes(), &diagnosis) != nil {
		if err == nil {
			err = errors.New("its answer cannot be read")
		}
		evidence.Remote = &doctor.Remote{
			Host: h.Address, Kind: doctor.RemoteUnprepared, Problem: orLast(said.String(), err),
			Fix: "mage host:setup " + h.fleet.Name + ", and deploy once: that brings the program",
		}
		return h.diagnosed(began, evidence)
	}
	own := doctor.Diagnose(evidence)
	diagnosis.Host, diagnosis.Findings = h.Address, append(diagnosis.Findings, own...)
	diagnosis.Milliseconds = time.Since(began).Milliseconds()
	return &diagnosis
}

func orLast(said string, err error) string {
	if strings.TrimSpace(said) != "" {
		return lastLine(said)
	}
	return err.Error()
}

func (h *Host) diagnosed(began time.Time, evidence doctor.Evidence) *session.Diagnosis {
	return &session.Diagnosis{
		Environment: evidence.Environment, Host: h.Address, Findings: doctor.Diagnose(evidence),
		Milliseconds: time.Since(began).Milliseconds(),
	}
}

// wayOf says what is in the way to a host, by how the connection failed.
func wayOf(host string, err error) *doctor.Remote {
	way := &doctor.Remote{Host: host, Kind: doctor.RemoteUnreachable, Problem: err.Error()}
	if failure, ok := errors.AsType[*deploy.Failure](err); ok {
		way.Problem, way.Fix = failure.Err.Error(), failure.Hint
	}
	said := func(words ...string) bool {
		return slices.ContainsFunc(words, func(one string) bool { return strings.Contains(strings.ToLower(way.Problem), one) })
	}
	switch {
	case said("the host key ", "a revoked key", "the host's certificate", "read the known hosts"):
		way.Kind = doctor.RemoteHostKey
	case said("refused every key", "too many keys", "wants more than keys", "no key to offer", "it cannot be used", "while keys were tried"):
		way.Kind = doctor.RemoteLogin
	}
	if way.Fix == "" {
		way.Fix = "Try it by hand: ssh " + host
	}
	return way
}

// tag looks whether the release's tag of the commit that is checked out is
// known to others; nil where all is well, or where there is none.
func (h *Host) tag(ctx context.Context) *doctor.Remote {
	name := source.TagHere(ctx, h.fleet.Root)
	if name == "" {
		return nil
	}
	_, err := source.Tagged(ctx, h.fleet.Root, name)
	if err == nil || !strings.Contains(err.Error(), "was not pushed") {
		return nil
	}
	return &doctor.Remote{
		Host: h.Address, Kind: doctor.RemoteTag, Problem: "tag " + name + " exists only here",
		Fix: "git push origin refs/tags/" + name,
	}
}

// bundle has the host make a bundle, and writes it to a file here.
func (h *Host) bundle(ctx context.Context, path string) error {
	out := os.Stdout
	if path != "-" {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		defer file.Close() //nolint:errcheck // what was written is checked below
		out = file
	}
	var said bytes.Buffer
	if err := h.stream(ctx, out, &said, "doctor", "-bundle=-", "-env="+h.fleet.Name); err != nil {
		if failure, ok := errors.AsType[*deploy.Failure](err); !ok || failure.Status != deploy.ExitFailed {
			return fmt.Errorf("have %s make the bundle: %w", h.Address, err) // 1 is that it has found something
		}
	}
	if path != "-" {
		h.fleet.say("written: %s", path)
	}
	return nil
}
