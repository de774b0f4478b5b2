package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Listeners gives the addresses of a running container on which something takes
// TCP connections, the engine's own resolver left out. They are read where the
// kernel shows them of its first process, or, where that is another machine's,
// by the container's own cat.
func (e *Engine) Listeners(ctx context.Context, name string) ([]string, error) {
	inspected, err := e.inspect(ctx, name)
	if err != nil {
		return nil, err
	}
	if inspected.State == nil || !inspected.State.Running {
		return nil, fmt.Errorf("look where %s listens: it does not run", name)
	}
	if content, ok := networkOf(inspected.State.Pid, inspected.ID); ok {
		return listeners(content), nil
	}
	var out bytes.Buffer
	if err := e.exec(ctx, name, []string{"cat", "/proc/net/tcp", "/proc/net/tcp6"}, &out); err != nil && out.Len() == 0 {
		return nil, fmt.Errorf("look where %s listens: %w", name, err)
	}
	return listeners(out.Bytes()), nil
}

// networkOf reads the connections of the network that a process is in. The
// process must be the container's, as its control group says.
func networkOf(pid int, id string) ([]byte, bool) {
	folder := "/proc/" + strconv.Itoa(pid)
	group, err := os.ReadFile(folder + "/cgroup")
	if err != nil || !strings.Contains(string(group), id) {
		return nil, false
	}
	four, err := os.ReadFile(folder + "/net/tcp")
	six, errSix := os.ReadFile(folder + "/net/tcp6")
	return slices.Concat(four, six), errors.Join(err, errSix) == nil || len(four) > 0
}

// listenState is LISTEN in /proc/net/tcp.
const listenState = "0A"

// listeners reads /proc/net/tcp and tcp6.
func listeners(content []byte) []string {
	var found []string
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		const local, state = 1, 3
		if len(fields) <= state || fields[state] != listenState {
			continue
		}
		address, ok := procAddress(fields[local])
		if !ok || address.Addr() == resolver {
			continue
		}
		if text := address.String(); !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}

// resolver is where the engine answers a container's questions for names.
var resolver = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// procAddress reads an address as the kernel prints it: words of four bytes in
// the machine's own order, which is the little one on all that is supported.
func procAddress(text string) (netip.AddrPort, bool) {
	address, port, found := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	number, portErr := strconv.ParseUint(port, 16, 16)
	if !found || err != nil || portErr != nil || len(raw)%net.IPv4len != 0 {
		return netip.AddrPort{}, false
	}
	for at := 0; at < len(raw); at += net.IPv4len {
		binary.BigEndian.PutUint32(raw[at:], binary.LittleEndian.Uint32(raw[at:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), ok
}
