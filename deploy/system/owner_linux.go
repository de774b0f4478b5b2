package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// engineGroupName is the group that the engine's packages make and that may
// use its socket.
const engineGroupName = "docker"

// account is the user that deploys.
type account struct {
	uid, gid int
	groups   []int
}

// account asks the system's own program, which knows every source of users,
// not only /etc/passwd.
func (h *host) account(ctx context.Context) (account, error) {
	var found account
	for _, one := range []struct {
		flag string
		into func(numbers []int)
	}{
		{"-u", func(numbers []int) { found.uid = numbers[0] }},
		{"-g", func(numbers []int) { found.gid = numbers[0] }},
		{"-G", func(numbers []int) { found.groups = numbers }},
	} {
		output, err := run(ctx, "id", one.flag, h.options.Owner)
		if err != nil {
			return account{}, &deploy.Failure{
				Err:  fmt.Errorf("look up user %s: %s", h.options.Owner, strings.TrimSpace(output)),
				Hint: "Make it: sudo adduser --disabled-password " + h.options.Owner + ", and put your SSH key into its ~/.ssh/authorized_keys.",
			}
		}
		numbers, err := parseNumbers(output)
		if err != nil || len(numbers) == 0 {
			return account{}, fmt.Errorf("look up user %s: id says %q", h.options.Owner, output)
		}
		one.into(numbers)
	}
	return found, nil
}

func parseNumbers(text string) ([]int, error) {
	var numbers []int
	for field := range strings.FieldsSeq(text) {
		number, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

// engineGroup is the group that may use the engine: the one of its socket, or,
// where that is root's alone, the one that its packages make.
func (h *host) engineGroup() (int, string, error) {
	if socket, err := os.Stat(h.socket); err == nil {
		if _, gid := ownerOf(socket); gid != 0 {
			name := strconv.Itoa(gid)
			if group, err := user.LookupGroupId(name); err == nil {
				name = group.Name
			}
			return gid, name, nil
		}
	}
	group, err := user.LookupGroup(engineGroupName)
	if err != nil {
		return 0, "", &deploy.Failure{
			Err:  errors.New("find the engine's group: its socket is root's alone, and there is no group " + engineGroupName),
			Hint: "Make it: sudo groupadd --system " + engineGroupName + "; the engine gives it the socket at its next start.",
		}
	}
	gid, err := strconv.Atoi(group.Gid)
	return gid, group.Name, err
}

func (h *host) lookGroup(ctx context.Context) Item {
	item := Item{Name: itemGroup, State: Already}
	owner, err := h.account(ctx)
	if err != nil {
		return failed(itemGroup, err)
	}
	if owner.uid == 0 {
		item.Text = "root needs none"
		return item
	}
	gid, name, err := h.engineGroup()
	if err != nil {
		return failed(itemGroup, err)
	}
	item.Text = fmt.Sprintf("%s is in group %s", h.options.Owner, name)
	if !slices.Contains(owner.groups, gid) {
		item.State, item.Text = Missing, fmt.Sprintf("%s is not in group %s", h.options.Owner, name)
		item.Hint = "host:setup adds it. Members of this group can become root on this host."
	}
	return item
}

func (h *host) joinGroup(ctx context.Context) (string, error) {
	_, name, err := h.engineGroup()
	if err != nil {
		return "", err
	}
	if _, err := run(ctx, "usermod", "--append", "--groups", name, h.options.Owner); err != nil {
		return "", fmt.Errorf("add %s to group %s: %w", h.options.Owner, name, err)
	}
	return "applies from its next login", nil
}

// ownerOf gives who owns a file.
func ownerOf(file os.FileInfo) (uid, gid int) {
	if stat, ok := file.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid), int(stat.Gid)
	}
	return -1, -1
}
