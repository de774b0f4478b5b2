package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// key is one key that may be offered to a host. It is the ssh library's
// signer, so that it knows whether it was offered and how that went.
type key struct {
	public ssh.PublicKey
	// origin is where the key comes from: "agent, laptop" or a file.
	origin string
	// file is the key file, for ssh-copy-id; empty for a key of the agent.
	file    string
	sign    func(io.Reader, []byte, string) (*ssh.Signature, error)
	offered bool
	// failed is why the key, which the host accepts, could not be used.
	failed error
}

// PublicKey is asked by the library when it offers the key.
func (k *key) PublicKey() ssh.PublicKey {
	k.offered = true
	return k.public
}

// Sign signs in the key's own way.
func (k *key) Sign(random io.Reader, message []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(random, message, "")
}

// SignWithAlgorithm is called once the host has accepted the key.
func (k *key) SignWithAlgorithm(random io.Reader, message []byte, algorithm string) (*ssh.Signature, error) {
	signature, err := k.sign(random, message, algorithm)
	if err != nil {
		k.failed = err
	}
	return signature, err
}

// keyring are the keys for one host, in the order in which they are offered.
type keyring struct {
	target *target
	keys   []*key
	// closed are encrypted files that do not say which key they hold.
	closed []*keyFile
	// passed are the keys that could not be read, with the reason.
	passed []string
	// methods are the host's ways of logging in.
	methods []string
	ask     func(string) ([]byte, error)
	agent   io.Closer
	// aside runs what waits for people, outside of the time limit.
	aside func(func())
}

// readKeys reads the keys for a target: only the given one, or the agent's
// that the configuration names, the agent's other ones, and files.
func readKeys(ctx context.Context, t *target, options Options) (*keyring, error) {
	r := &keyring{target: t, ask: options.Passphrase, aside: func(do func()) { do() }}
	if len(options.Key) > 0 {
		given, err := parseKey("", options.Key)
		if err != nil {
			return nil, t.failure(err, "give a private key in PEM, with its line ends: -----BEGIN OPENSSH PRIVATE KEY----- …", "read the given key")
		}
		r.addFile(ctx, given)
		return r, nil
	}
	var files []*keyFile
	for _, path := range t.identities {
		file, err := readKeyFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && t.chosen:
			r.passed = append(r.passed, path+" (IdentityFile of the configuration) does not exist")
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			r.passed = append(r.passed, err.Error())
		default:
			files = append(files, file)
		}
	}
	r.addAgent(ctx, files)
	for _, file := range files {
		if file.text == nil || r.holds(file.public) {
			continue
		}
		r.addFile(ctx, file)
	}
	return r, nil
}

// holds says whether a key is already in the ring.
func (r *keyring) holds(public ssh.PublicKey) bool {
	return public != nil && slices.ContainsFunc(r.keys, func(k *key) bool { return bytes.Equal(k.public.Marshal(), public.Marshal()) })
}

// addAgent adds the agent's keys, those of the identity files first: a host
// takes only a few tries.
func (r *keyring) addAgent(ctx context.Context, files []*keyFile) {
	if r.target.agent == "" {
		return
	}
	client, listed, closer, err := dialAgent(ctx, r.target.agent)
	if err != nil {
		r.passed = append(r.passed, fmt.Sprintf("the agent at %s does not answer: %v", r.target.agent, err))
		return
	}
	r.agent = closer
	var others []*key
	chosen := make([]*key, len(files))
	for _, one := range listed {
		k := r.agentKey(client, one)
		place := slices.IndexFunc(files, func(file *keyFile) bool {
			return file.public != nil && bytes.Equal(file.public.Marshal(), k.public.Marshal())
		})
		switch {
		case place >= 0:
			chosen[place] = k
		case !r.target.identitiesOnly:
			others = append(others, k)
		}
	}
	for _, k := range chosen {
		if k != nil {
			r.keys = append(r.keys, k)
		}
	}
	r.keys = append(r.keys, others...)
}

func (r *keyring) agentKey(client agent.ExtendedAgent, listed *agent.Key) *key {
	public, err := ssh.ParsePublicKey(listed.Blob)
	if err != nil {
		public = listed // a kind that only the agent knows
	}
	return &key{
		public: public, origin: strings.TrimSuffix("agent, "+listed.Comment, ", "),
		sign: func(_ io.Reader, message []byte, algorithm string) (signature *ssh.Signature, err error) {
			var flags agent.SignatureFlags
			switch algorithm {
			case ssh.KeyAlgoRSASHA256:
				flags = agent.SignatureFlagRsaSha256
			case ssh.KeyAlgoRSASHA512:
				flags = agent.SignatureFlagRsaSha512
			}
			r.aside(func() { signature, err = client.SignWithFlags(listed, message, flags) })
			if err != nil {
				err = fmt.Errorf("the agent does not sign with %s: %w", strings.TrimSpace(listed.Comment+" "+ssh.FingerprintSHA256(listed)), err)
			}
			return signature, err
		},
	}
}

// addFile adds a file's key, with its certificate first.
func (r *keyring) addFile(ctx context.Context, file *keyFile) {
	if file.public == nil {
		r.closed = append(r.closed, file)
		return
	}
	sign := func(random io.Reader, message []byte, algorithm string) (*ssh.Signature, error) {
		var err error
		r.aside(func() { err = file.unlock(ctx, r.ask) })
		if err != nil {
			return nil, err
		}
		return file.opened.SignWithAlgorithm(random, message, algorithm)
	}
	if file.certificate != nil {
		r.keys = append(r.keys, &key{public: file.certificate, origin: file.path + "-cert.pub", file: file.path, sign: sign})
	}
	r.keys = append(r.keys, &key{public: file.public, origin: file.name(), file: file.path, sign: sign})
}

// next is the library's question for the next way of logging in. It is asked
// again after a key failed, with which the library would give up.
func (r *keyring) next(ctx context.Context) ssh.ClientAuthCallback {
	return func(state *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
		r.methods = state.AllowedMethods
		if !slices.Contains(r.methods, "publickey") {
			return nil, nil
		}
		left := r.left()
		for len(left) == 0 && len(r.closed) > 0 {
			file := r.closed[0]
			r.closed = r.closed[1:]
			var err error
			r.aside(func() { err = file.unlock(ctx, r.ask) })
			if err != nil {
				r.passed = append(r.passed, err.Error())
				continue
			}
			r.addFile(ctx, file)
			left = r.left()
		}
		if len(left) == 0 {
			return nil, nil
		}
		return ssh.PublicKeys(left...), nil
	}
}

// left are the keys that were not offered yet.
func (r *keyring) left() []ssh.Signer {
	var signers []ssh.Signer
	for _, k := range r.keys {
		if !k.offered {
			signers = append(signers, k)
		}
	}
	return signers
}

func (r *keyring) close() {
	if r.agent != nil {
		_ = r.agent.Close()
	}
}

// refused says that the host let none of the keys in: which they were, and
// what to do.
func (r *keyring) refused(cause error) error {
	t := r.target
	for _, k := range r.keys {
		if k.failed != nil {
			return t.failure(withoutHint(k.failed), hintOf(k.failed), "the host accepts "+shown(k.public)+", but it cannot be used")
		}
	}
	var lines []string
	for _, k := range r.keys {
		if k.offered {
			lines = append(lines, shown(k.public)+" ("+k.origin+")")
		}
	}
	sentence := "the host refused every key: " + strings.Join(lines, "; ")
	hint := "let the host know one of them: " + r.copyID()
	switch {
	case strings.Contains(strings.ToLower(cause.Error()), "too many authentication failures"):
		sentence = "the host stopped after too many keys: " + strings.Join(lines, "; ")
		hint = "name the right key in ~/.ssh/config: IdentityFile …, with IdentitiesOnly yes"
	case len(r.methods) > 0 && !slices.Contains(r.methods, "publickey"):
		sentence = "the host wants more than keys: " + strings.Join(r.methods, ", ")
		hint = "only keys are used; allow them in the host's /etc/ssh/sshd_config: PubkeyAuthentication yes, and no further AuthenticationMethods for " + t.user
	case len(lines) == 0:
		sentence = "there is no key to offer"
		hint = "make one (ssh-keygen -t ed25519) and let the host know it: " + r.copyID()
	}
	if len(r.passed) > 0 {
		sentence += "; not offered: " + strings.Join(r.passed, "; ")
	}
	return t.failure(nil, hint, sentence)
}

// copyID is the command that lets the host know a key.
func (r *keyring) copyID() string {
	t := r.target
	command := []string{"ssh-copy-id"}
	file := "~/.ssh/id_ed25519.pub"
	for _, k := range r.keys {
		if k.file != "" {
			file = Quote(strings.TrimSuffix(k.file, ".pub") + ".pub")
			break
		}
	}
	command = append(command, "-i", file)
	if t.port != 22 {
		command = append(command, "-p", strconv.Itoa(t.port))
	}
	if len(t.jumps) > 0 {
		command = append(command, "-o", Quote("ProxyJump="+strings.Join(t.jumps, ",")))
	}
	return strings.Join(append(command, Quote(t.user+"@"+t.host)), " ")
}
