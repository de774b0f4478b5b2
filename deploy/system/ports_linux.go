package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types/container"
)

// projectLabel is Compose's, on each of a project's containers.
const projectLabel = "com.docker.compose.project"

func (h *host) lookPorts(ctx context.Context) Item {
	item := Item{Name: itemPorts, State: Already}
	published, err := h.published(ctx)
	if err != nil {
		return failed(itemPorts, err)
	}
	var free, own, taken, hints []string
	for _, port := range slices.Compact(slices.Sorted(slices.Values(h.options.Ports))) {
		found, err := h.holder(port, published)
		switch {
		case err != nil:
			return failed(itemPorts, err)
		case found == nil:
			free = append(free, strconv.Itoa(port))
		case found.own:
			own = append(own, fmt.Sprintf("%d is held by %s", port, found.name))
		default:
			taken = append(taken, fmt.Sprintf("%d is held by %s", port, found.name))
			if !slices.Contains(hints, found.hint) {
				hints = append(hints, found.hint)
			}
		}
	}
	parts := slices.Concat(taken, own)
	if len(free) > 0 {
		parts = append(parts, strings.Join(free, " and ")+" free")
	}
	item.Text = strings.Join(parts, ", ")
	if len(h.options.Ports) == 0 {
		item.Text = "none are published"
	}
	if len(taken) > 0 {
		item.State = Failed
		item.Hint = strings.Join(hints, " ") + " Or publish the proxy on another port in the Compose file."
	}
	return item
}

// containers are the engine's that run, by the host ports that they publish and
// by their identifiers.
type containers struct {
	publishing map[int]holder
	known      map[string]holder
}

// published asks the engine which containers hold ports.
func (h *host) published(ctx context.Context) (containers, error) {
	found := containers{publishing: map[int]holder{}, known: map[string]holder{}}
	if h.engine == nil {
		return found, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	running, err := h.docker.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return found, fmt.Errorf("list the containers: %w", err)
	}
	for _, one := range running {
		name := one.ID[:min(12, len(one.ID))]
		if len(one.Names) > 0 {
			name = strings.TrimPrefix(one.Names[0], "/")
		}
		it := holder{
			own:  one.Labels[projectLabel] == h.options.Project,
			name: "container " + name, hint: "Unless it is needed: docker stop " + name + ".",
		}
		found.known[one.ID] = it
		for _, port := range one.Ports {
			if port.Type == "tcp" && port.PublicPort > 0 {
				found.publishing[int(port.PublicPort)] = it
			}
		}
	}
	return found, nil
}

// holder finds who holds a port; nil where it is free.
func (h *host) holder(port int, running containers) (*holder, error) {
	if found, held := running.publishing[port]; held {
		return &found, nil
	}
	taken, err := h.taken(port)
	if err != nil || !taken {
		return nil, err
	}
	process := h.processOf(h.listeners(port))
	if process == 0 {
		return &holder{
			name: "a process that only root can see",
			hint: fmt.Sprintf("See who it is: sudo ss -ltnp 'sport = :%d'.", port),
		}, nil
	}
	folder := h.path(filepath.Join("/proc", strconv.Itoa(process)))
	comm, _ := os.ReadFile(filepath.Join(folder, "comm")) // it ended just now
	groups, _ := os.ReadFile(filepath.Join(folder, "cgroup"))
	for id, one := range running.known {
		if strings.Contains(string(groups), id) {
			return &one, nil // in the host's own network
		}
	}
	found := processHolder(process, strings.TrimSpace(string(comm)), string(groups))
	return &found, nil
}

// taken tries whether a port could be published, on every address of both
// families, which finds who listens on any single one too. It binds and does
// not listen, so that nobody's request ends here.
func (h *host) taken(port int) (bool, error) {
	for _, address := range []syscall.Sockaddr{&syscall.SockaddrInet4{Port: port}, &syscall.SockaddrInet6{Port: port}} {
		err := bind(address)
		switch {
		case err == nil, errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EADDRNOTAVAIL):
		case errors.Is(err, syscall.EADDRINUSE):
			return true, nil
		case errors.Is(err, syscall.EACCES):
			// Only root may bind it: see who listens instead.
			return len(h.listeners(port)) > 0, nil
		default:
			return false, fmt.Errorf("try port %d: %w", port, err)
		}
	}
	return false, nil
}

// bind takes an address for a moment. Connections of the past that have not
// faded yet do not count, as they do not for the engine.
func bind(address syscall.Sockaddr) error {
	family := syscall.AF_INET
	if _, six := address.(*syscall.SockaddrInet6); six {
		family = syscall.AF_INET6
	}
	socket, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket) //nolint:errcheck // it was bound only
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if family == syscall.AF_INET6 {
		if err := syscall.SetsockoptInt(socket, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	return syscall.Bind(socket, address)
}

// listeners gives the inodes of the sockets that listen on a port.
func (h *host) listeners(port int) []string {
	var inodes []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(h.path(table))
		if err != nil {
			continue // the kernel has no such family
		}
		inodes = append(inodes, listeners(file, port)...)
		_ = file.Close() // was read only
	}
	return inodes
}

// processOf finds the process that has one of these sockets; 0 where none
// is seen. A socket that was handed on has several: the first one, by number,
// is the one that made it.
func (h *host) processOf(inodes []string) int {
	links, _ := filepath.Glob(h.path("/proc/[0-9]*/fd/*")) // the pattern is right
	slices.SortFunc(links, func(one, other string) int { return pidOf(one) - pidOf(other) })
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue // closed, or not ours to see
		}
		inode, socket := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[")
		if socket && slices.Contains(inodes, inode) {
			return pidOf(link)
		}
	}
	return 0
}

// pidOf reads the process's number out of …/proc/<pid>/fd/<number>.
func pidOf(link string) int {
	number, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(link)))) // the pattern has digits there
	return number
}
