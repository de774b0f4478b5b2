package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Looking is what somebody wants to know of an environment's history.
type Looking struct {
	// Count is how many commands are listed.
	Count int
	JSON  bool
	// Show names one of them, Diff two releases.
	Show, Diff string
}

// listed is how many commands are listed where nobody says otherwise.
const listed = 20

// Check refuses what does not go together, and fills in the count where none
// was given.
func (l *Looking) Check(counted bool) error {
	switch {
	case l.Show != "" && l.Diff != "":
		return usage("-show tells of one command and -diff compares two releases: say one of them")
	case counted && l.Count < 1:
		return usage("-n=%d lists nothing: it is how many commands are listed, from 1", l.Count)
	case !counted:
		l.Count = listed
	}
	return nil
}

// typed is the command as somebody on a host would type it.
func (l Looking) typed(env string) []string {
	args := []string{"history", "-env=" + env}
	switch {
	case l.Show != "":
		args = append(args, "-show="+l.Show)
	case l.Diff != "":
		args = append(args, "-diff="+l.Diff)
	default:
		args = append(args, fmt.Sprintf("-n=%d", l.Count))
	}
	if l.JSON {
		args = append(args, "-json")
	}
	return args
}

// LookBack shows the history of every host, or of those that know what is asked
// for. For programs, the lists of all are one.
func (f *Fleet) LookBack(ctx context.Context, asked Looking) error {
	list := asked.JSON && asked.Show == ""
	if len(f.Hosts) == 1 && !list {
		return f.Stream(ctx, asked.typed(f.Name)...)
	}
	if err := f.Dial(ctx); err != nil {
		return err
	}
	var answers [][]byte
	var failed error
	for _, host := range f.Hosts {
		out, err := host.answer(ctx, asked.typed(f.Name)...)
		if err != nil && asked.Show == "" {
			return err
		}
		if err != nil {
			failed = err // another host may know it
			continue
		}
		if !asked.JSON {
			out = append([]byte("== "+host.Address+"\n"), out...)
		}
		answers = append(answers, out)
	}
	switch {
	case len(answers) == 0:
		return failed
	case list:
		return f.joinLists(os.Stdout, answers)
	case asked.JSON:
		answers = answers[:1]
	}
	_, err := os.Stdout.Write(bytes.Join(answers, nil))
	return err
}

// joinLists prints one array with what each host lists, and under which address
// it was asked: two hosts may have one name.
func (f *Fleet) joinLists(out io.Writer, lists [][]byte) error {
	all := []deploy.HistoryEntry{}
	for at, content := range lists {
		var list []deploy.HistoryEntry
		if err := json.Unmarshal(content, &list); err != nil {
			return fmt.Errorf("read the history of %s: %w", f.Hosts[at].Address, err)
		}
		for entry := range list {
			list[entry].Address = f.Hosts[at].Address
		}
		all = append(all, list...)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(all)
}

// Difference asks the first host what differs between two releases.
func (f *Fleet) Difference(ctx context.Context, asked Looking) (*deploy.Difference, error) {
	if err := f.Dial(ctx); err != nil {
		return nil, err
	}
	asked.JSON = true
	out, err := f.Hosts[0].answer(ctx, asked.typed(f.Name)...)
	if err != nil {
		return nil, err
	}
	difference := &deploy.Difference{}
	if err := json.Unmarshal(out, difference); err != nil {
		return nil, fmt.Errorf("read what %s says of its releases: %w", f.Hosts[0].Address, err)
	}
	return difference, nil
}

// answer runs a command of the deploy directory's binary and gives what it
// prints.
func (h *Host) answer(ctx context.Context, args ...string) ([]byte, error) {
	var out, complaint bytes.Buffer
	err := h.stream(ctx, &out, &complaint, args...)
	if failure, ok := err.(*deploy.Failure); ok { //nolint:errorlint // stream's own
		failure.Err = fmt.Errorf("%s: %s", h.Address, bytes.TrimSpace(bytes.TrimPrefix(complaint.Bytes(), []byte("Error: "))))
	}
	return out.Bytes(), err
}
