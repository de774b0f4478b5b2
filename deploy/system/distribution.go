package system

import (
	"bufio"
	"cmp"
	"io"
	"slices"
	"strings"
)

// distribution is what /etc/os-release says of a host.
type distribution struct {
	// ID is the short name: "debian"; Like are those that it descends from.
	ID   string
	Like []string
	// Name is for people: "Debian GNU/Linux 13 (trixie)".
	Name string
}

// readDistribution reads /etc/os-release (os-release(5)).
func readDistribution(content io.Reader) distribution {
	var found distribution
	lines := bufio.NewScanner(content)
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		switch key {
		case "ID":
			found.ID = value
		case "ID_LIKE":
			found.Like = strings.Fields(value)
		case "PRETTY_NAME":
			found.Name = value
		}
	}
	return found
}

// known says whether an engine can be installed from its packages.
func (d distribution) known() bool {
	return slices.ContainsFunc(append([]string{d.ID}, d.Like...), func(name string) bool {
		return name == "debian" || name == "ubuntu"
	})
}

func (d distribution) String() string { return cmp.Or(d.Name, d.ID, "an unknown system") }
