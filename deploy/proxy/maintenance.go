package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// A maintenance stands in two files of the folder, which HAProxy reads at its
// start and which its runtime API changes in memory (mgmt 9.3, "prepare map",
// "commit map"): so it is switched without a reload, and a restart finds it.
// HAProxy does not start where one is missing. "opt@" before the name would
// allow that, but then each mention in the file is a table of its own, of which
// the API changes the first.
const (
	maintenanceFile = "maintenance.map"
	adminsFile      = "maintenance.admins"

	maintenanceMap = MountPath + "/" + maintenanceFile
	adminsList     = MountPath + "/" + adminsFile
)

// The keys of the map. One that is the SHA-256 of a pass lets through what has
// that pass, so that the pass itself never stands in the folder. Values have
// no spaces: a page is base64.
const (
	pageKey       = "page"
	retryAfterKey = "retry_after"
	forwardedKey  = "forwarded"
	passValue     = "pass"
)

// maintenanceRules answer with the page, first of all in each frontend.
//
// A client's address is the one that connects; but where nobody but this host
// can connect, what stands before the proxy has written it last into
// X-Forwarded-For.
func maintenanceRules(line func(format string, args ...any)) {
	line("    # A maintenance's page for all but the admins' addresses and the deployer.")
	line("    acl maintained str(%s),map_str(%s) -m found", pageKey, maintenanceMap)
	line("    acl deployer req.hdr(%s),sha2(256),hex,map_str(%s) -m str %s", deploy.PassHeader, maintenanceMap, passValue)
	line("    http-request set-log-level silent if maintained")
	line("    http-request set-var(txn.client) src if maintained")
	line("    http-request set-var(txn.client) req.hdr_ip(X-Forwarded-For,-1) if maintained { str(%s),map_str(%s) -m found } { req.hdr(X-Forwarded-For) -m found }", forwardedKey, maintenanceMap)
	line(`    http-request return status 503 content-type "text/html; charset=utf-8" lf-string "%%[str(%s),map_str(%s),b64dec]" hdr Retry-After "%%[str(%s),map_str(%s)]" hdr Cache-Control no-store if maintained !deployer !{ var(txn.client) -m ip -f %s }`,
		pageKey, maintenanceMap, retryAfterKey, maintenanceMap, adminsList)
	line("    http-request del-header %s", deploy.PassHeader)
}

// ensureTables makes those files that are missing: before the file that names
// them, which HAProxy would not start with.
func (p *Proxy) ensureTables() error {
	for _, name := range []string{adminsFile, maintenanceFile} {
		if _, err := os.Stat(filepath.Join(p.dir, name)); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the maintenance: %w", err)
		}
		if err := p.write(name, nil); err != nil {
			return err
		}
	}
	return nil
}

// Maintain writes the files and tells the running proxy, and the processes
// that a reload has replaced, which may still get a request on a kept
// connection. The admins come before the page, and go after it. It may be
// repeated.
func (p *Proxy) Maintain(ctx context.Context, maintenance *deploy.Maintenance) error {
	if err := p.EnsureDir(); err != nil {
		return err
	}
	tables := []table{
		{"acl", adminsFile, adminsList, admins(maintenance)},
		{"map", maintenanceFile, maintenanceMap, entries(maintenance)},
	}
	if maintenance == nil {
		tables[0], tables[1] = tables[1], tables[0]
	}
	for _, of := range tables {
		if err := p.write(of.file, []byte(strings.Join(append(of.lines, ""), "\n"))); err != nil {
			return err
		}
	}
	for _, of := range tables {
		err := of.replace(ctx, p.worker, "")
		if errors.Is(err, ErrNotRunning) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	pids, err := p.oldPIDs(ctx)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		for _, of := range tables {
			if err := of.replace(ctx, p.master, "@!"+pid+" "); err != nil {
				if left, listErr := p.oldPIDs(ctx); listErr == nil && !slices.Contains(left, pid) {
					break // it ended meanwhile
				}
				return fmt.Errorf("tell old proxy worker %s: %w", pid, err)
			}
		}
	}
	return nil
}

// table is one file with what a process has loaded of it.
type table struct {
	// kind is HAProxy's: "map" or "acl".
	kind string
	// file is its name in the folder, name what HAProxy calls it.
	file, name string
	lines      []string
}

// replace puts the lines in the place of what the process has, in one step: to
// requests it is the old table or the new one.
func (t table) replace(ctx context.Context, to *client, prefix string) error {
	prepare := prefix + "prepare " + t.kind + " " + t.name
	replies, err := to.run(ctx, prepare)
	if err != nil {
		return err
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(replies[0]), "New version created: ")
	if number, err := strconv.Atoi(version); !ok || err != nil || number < 0 {
		if strings.HasPrefix(replies[0], "Unknown ") {
			return fmt.Errorf("switch the maintenance: %w", ErrOtherStructure)
		}
		return &ReplyError{Command: prepare, Reply: replies[0]}
	}
	var commands []string
	for _, line := range t.lines {
		commands = append(commands, fmt.Sprintf("%sadd %s @%s %s %s", prefix, t.kind, version, t.name, line))
	}
	commands = append(commands, fmt.Sprintf("%scommit %s @%s %s", prefix, t.kind, version, t.name))
	return to.change(ctx, commands...)
}

// entries are the map's lines.
func entries(m *deploy.Maintenance) []string {
	if m == nil {
		return nil
	}
	lines := []string{
		pageKey + " " + base64.StdEncoding.EncodeToString([]byte(page(m.Message))),
		retryAfterKey + " " + strconv.Itoa(int(m.RetryAfter/time.Second)),
	}
	if m.Pass != "" {
		sum := sha256.Sum256([]byte(m.Pass))
		lines = append(lines, strings.ToUpper(hex.EncodeToString(sum[:]))+" "+passValue)
	}
	if m.Forwarded {
		lines = append(lines, forwardedKey+" yes")
	}
	return lines
}

func admins(m *deploy.Maintenance) []string {
	if m == nil {
		return nil
	}
	var lines []string
	for _, admin := range m.Admins {
		lines = append(lines, admin.String())
	}
	return lines
}

// page is the whole page: small, without anything that would have to be asked
// for, in the browser's own font and colours. It is one line: HAProxy would
// write an end of one as "%0A".
func page(message string) string {
	return `<!doctype html><html lang=""><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="robots" content="noindex"><title>503</title>` +
		`<style>:root{color-scheme:light dark}body{font:1.2rem/1.5 system-ui,sans-serif;` +
		`margin:20vh auto;max-width:32rem;padding:0 1rem}</style></head><body><p>` +
		strings.ReplaceAll(html.EscapeString(message), "\n", "<br>") + `</p></body></html>`
}

// readMaintained reads whether a page is shown from the answer to askMaintained.
func readMaintained(reply string) bool { return strings.Contains(reply, "found=yes") }

const askMaintained = "get map " + maintenanceMap + " " + pageKey
