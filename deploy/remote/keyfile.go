package remote

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
)

// keyFile is a private key that may have to be opened with a passphrase.
type keyFile struct {
	// path is empty for Options.Key.
	path string
	text []byte
	// public is nil where it cannot be known before the key is opened.
	public ssh.PublicKey
	// opened is nil until the key is.
	opened ssh.AlgorithmSigner
	// certificate is nil where none lies beside the key.
	certificate *ssh.Certificate
}

// passphraseTries is how often a wrong passphrase may be given.
const passphraseTries = 3

// errNoKey says that something is no key; what it is is not repeated.
var errNoKey = errors.New("is not a private key that can be read here")

func (f *keyFile) name() string {
	if f.path == "" {
		return "the given key"
	}
	return f.path
}

// parseKey reads what can be read of a private key without its passphrase.
func parseKey(path string, text []byte) (*keyFile, error) {
	f := &keyFile{path: path, text: text}
	signer, err := ssh.ParsePrivateKey(text)
	if missing, is := errors.AsType[*ssh.PassphraseMissingError](err); is {
		f.public = missing.PublicKey
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", f.name(), errNoKey)
	}
	return f, f.open(signer)
}

func (f *keyFile) open(signer ssh.Signer) error {
	opened, able := signer.(ssh.AlgorithmSigner)
	if !able {
		return fmt.Errorf("%s %w", f.name(), errNoKey)
	}
	f.opened, f.public = opened, signer.PublicKey()
	return nil
}

// readKeyFile reads a key file with what lies beside it. A file that holds
// only the public half, or is missing beside one, serves to find the key in
// the agent.
func readKeyFile(path string) (*keyFile, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if public := readPublic(path + ".pub"); public != nil {
			return &keyFile{path: path, public: public}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	f, err := parseKey(path, text)
	if err != nil {
		if public := readPublic(path); public != nil {
			return &keyFile{path: path, public: public}, nil
		}
		return nil, err
	}
	if f.public == nil {
		f.public = readPublic(path + ".pub")
	}
	certificate, is := readPublic(path + "-cert.pub").(*ssh.Certificate)
	if is && f.public != nil && bytes.Equal(certificate.Key.Marshal(), f.public.Marshal()) {
		f.certificate = certificate
	}
	return f, nil
}

// readPublic reads a public key; nil where there is none.
func readPublic(path string) ssh.PublicKey {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil
	}
	return public
}

// unlock opens the key, asking for its passphrase where that is needed.
func (f *keyFile) unlock(ctx context.Context, ask func(string) ([]byte, error)) error {
	if f.opened != nil {
		return nil
	}
	if ask == nil {
		hint := "give the key without a passphrase, or its passphrase with it"
		if f.path != "" {
			hint = "open it once for the agent: ssh-add " + Quote(f.path)
		}
		return fail(nil, hint, f.name()+" is encrypted, and nobody can be asked for its passphrase")
	}
	for range passphraseTries {
		passphrase, err := asked(ctx, f.path, ask)
		if err != nil {
			return fmt.Errorf("ask for the passphrase of %s: %w", f.name(), err)
		}
		signer, err := ssh.ParsePrivateKeyWithPassphrase(f.text, passphrase)
		clear(passphrase)
		if err == nil {
			return f.open(signer)
		}
		if !errors.Is(err, x509.IncorrectPasswordError) {
			return fmt.Errorf("%s %w", f.name(), errNoKey)
		}
	}
	return fmt.Errorf("the passphrase of %s is wrong", f.name())
}

// asked asks and does not wait for an answer when ctx has ended: who is asked
// may never give one.
func asked(ctx context.Context, path string, ask func(string) ([]byte, error)) ([]byte, error) {
	type answer struct {
		passphrase []byte
		err        error
	}
	answers := make(chan answer, 1)
	go func() {
		passphrase, err := ask(path)
		answers <- answer{passphrase, err}
	}()
	select {
	case got := <-answers:
		return got.passphrase, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
