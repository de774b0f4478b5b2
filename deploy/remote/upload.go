package remote

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
)

// File is one file as it is to be on the host.
type File struct {
	// Path is absolute, or relative to the login's home. Its folders are made.
	Path string
	// Mode are the permissions that a file gets which is sent; 0600 where 0.
	Mode fs.FileMode
	// Content is read from its start, twice where SHA256 is empty.
	Content io.ReadSeeker
	// SHA256 is the digest of Content in hex.
	SHA256 string
	// Held is the digest of what the host has at Path, from Look. The file is
	// not sent when it is that of Content; an empty one always sends.
	Held string
}

// Uploaded is what an upload did.
type Uploaded struct {
	// Sent are the paths of the files that were put in place.
	Sent []string
	// Bytes is how much was sent.
	Bytes int64
}

// patience is how long, after ctx has ended, what is under way may take to be
// cleaned up before the connection is closed.
const patience = 3 * time.Second

// Upload puts those files on the host whose content differs from what it
// holds, in their order. Each is written beside its place under another name,
// made durable where the host offers that, and put in place by a rename: who
// runs or reads the old one keeps it, and on a failure the old one stays. All
// uploads share one channel. sent, which may be nil, is told how many of all
// bytes to send went out.
func (c *Client) Upload(ctx context.Context, sent func(bytes, total int64), files ...File) (Uploaded, error) {
	c.uploads.Lock()
	defer c.uploads.Unlock()
	var done Uploaded
	sending, total, err := differing(files)
	if err != nil || len(sending) == 0 {
		return done, err
	}
	late := make(chan struct{})
	defer close(late)
	defer context.AfterFunc(ctx, func() {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-late:
		case <-timer.C:
			c.lose(context.Cause(ctx))
		}
	})()
	client, err := c.sftp(ctx)
	if err != nil {
		return done, err
	}
	progress := func(more int64) {
		done.Bytes += more
		if sent != nil {
			sent(done.Bytes, total)
		}
	}
	for _, one := range sending {
		err := c.put(ctx, client, one, progress)
		if err == nil {
			done.Sent = append(done.Sent, one.Path)
			continue
		}
		if context.Cause(ctx) != nil {
			return done, fmt.Errorf("upload %s: %w", one.Path, context.Cause(ctx))
		}
		if lost := c.fate(ctx, nil); lost != nil {
			return done, fmt.Errorf("upload %s: %w", one.Path, lost)
		}
		if errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.EOF) {
			_ = client.Close() // only its channel ended; the next upload opens another
			c.files = nil
		}
		return done, err
	}
	return done, nil
}

// outgoing is a file that has to be sent.
type outgoing struct {
	File
	size int64
}

func differing(files []File) (sending []outgoing, total int64, err error) {
	for _, file := range files {
		if file.SHA256 != "" && file.SHA256 == file.Held {
			continue
		}
		one := outgoing{File: file}
		one.SHA256, one.size, err = digest(file)
		if err != nil {
			return nil, 0, fmt.Errorf("read what is to be %s: %w", file.Path, err)
		}
		if one.SHA256 != file.Held {
			sending = append(sending, one)
			total += one.size
		}
	}
	return sending, total, nil
}

// digest gives a file's digest and size.
func digest(file File) (sum string, size int64, err error) {
	size, err = file.Content.Seek(0, io.SeekEnd)
	if err != nil || file.SHA256 != "" {
		return file.SHA256, size, err
	}
	if _, err = file.Content.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	hash := sha256.New()
	size, err = io.Copy(hash, file.Content)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// sftp opens the channel for files, or gives the one that is open.
func (c *Client) sftp(ctx context.Context) (*sftp.Client, error) {
	if err := c.end(); err != nil {
		return nil, err
	}
	if c.files != nil {
		return c.files, nil
	}
	session, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	in, err := session.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	err = session.RequestSubsystem("sftp")
	if err == nil {
		c.files, err = sftp.NewClientPipe(out, in, sftp.UseConcurrentWrites(true))
	}
	if err != nil {
		_ = session.Close()
		if err = c.fate(ctx, err); errors.Is(err, ErrLost) || context.Cause(ctx) != nil {
			return nil, err
		}
		return nil, fail(err, "see that its /etc/ssh/sshd_config has a line Subsystem sftp, and that its shell's start-up files print nothing",
			"the host takes no files over sftp")
	}
	return c.files, nil
}

// put writes one file beside its place and moves it there.
func (c *Client) put(ctx context.Context, client *sftp.Client, file outgoing, progress func(int64)) error {
	folder := path.Dir(file.Path)
	wrong := func(err error, what string) error { return c.putFailure(client, file, folder, err, what) }
	if _, able := client.HasExtension("posix-rename@openssh.com"); !able {
		return fail(nil, "use OpenSSH's sftp-server on the host", "upload "+file.Path+": the host cannot replace a file in one step (posix-rename@openssh.com)")
	}
	if err := client.MkdirAll(folder); err != nil {
		return wrong(err, "make the folder "+folder)
	}
	name := path.Join(folder, "."+path.Base(file.Path)+"."+rand.Text()[:12]+".upload")
	made, err := client.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return wrong(err, "make a file in "+folder)
	}
	what, err := fill(ctx, client, made, file, progress)
	if err == nil {
		what, err = "put "+file.Path+" in place", client.PosixRename(name, file.Path)
	}
	if err != nil {
		err = wrong(err, what) // looks at the disk while the file still fills it
		_ = made.Close()
		_ = client.Remove(name)
	}
	return err
}

// errChanged says that a file was changed while it was being read.
var errChanged = errors.New("its content changed while it was sent")

// fill writes a file's content and closes it; on an error it gives what was
// being done.
func fill(ctx context.Context, client *sftp.Client, made *sftp.File, file outgoing, progress func(int64)) (string, error) {
	// Before anything is in it: it may become a file of secrets.
	if err := made.Chmod(0o600); err != nil {
		return "set the permissions of " + file.Path, err
	}
	if _, err := file.Content.Seek(0, io.SeekStart); err != nil {
		return "read what is to be " + file.Path, err
	}
	source := &content{ctx: ctx, from: file.Content, hash: sha256.New(), progress: progress}
	if _, err := made.ReadFromWithConcurrency(source, 0); err != nil {
		if source.err != nil {
			return "read what is to be " + file.Path, &localError{source.err}
		}
		return "write " + file.Path, err
	}
	if hex.EncodeToString(source.hash.Sum(nil)) != file.SHA256 {
		return "write " + file.Path, &localError{errChanged}
	}
	if err := made.Chmod(cmp.Or(file.Mode.Perm(), 0o600)); err != nil {
		return "set the permissions of " + file.Path, err
	}
	if _, able := client.HasExtension("fsync@openssh.com"); able {
		if err := made.Sync(); err != nil {
			return "make " + file.Path + " durable", err
		}
	}
	return "close " + file.Path, made.Close()
}

// localError is an error of this side, of which the host's disk says nothing.
type localError struct{ err error }

func (l *localError) Error() string { return l.err.Error() }
func (l *localError) Unwrap() error { return l.err }

// content is what is sent: it ends with ctx, and knows its digest.
type content struct {
	ctx      context.Context
	from     io.Reader
	hash     hash.Hash
	progress func(int64)
	err      error
}

func (c *content) Read(into []byte) (int, error) {
	if c.err = context.Cause(c.ctx); c.err != nil {
		return 0, c.err
	}
	n, err := c.from.Read(into)
	if n > 0 {
		c.hash.Write(into[:n])
		c.progress(int64(n))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// putFailure says why a file could not be put in place. The protocol has one
// word, "failure", for a full disk and much else, so the disk is asked.
func (c *Client) putFailure(client *sftp.Client, file outgoing, folder string, err error, what string) error {
	sentence := "upload to " + c.Address() + ": " + what
	if _, is := errors.AsType[*localError](err); is || errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", sentence, err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fail(nil, fmt.Sprintf("give %s the folder, as root on the host: install -d -o %s %s", c.User(), Quote(c.User()), Quote(folder)),
			sentence+": permission denied to "+c.User()+" in "+folder)
	}
	if _, is := errors.AsType[*sftp.StatusError](err); !is {
		return fail(err, "", sentence)
	}
	if at, statErr := client.Stat(file.Path); statErr == nil && at.IsDir() {
		return fail(nil, "move it away", sentence+": there is a folder of that name")
	}
	disk, ok := free(client, folder)
	switch {
	case !ok:
	case disk.Flag&readOnly != 0:
		return fail(nil, "see `dmesg`: a disk with errors is made read-only", sentence+": the disk there is read-only")
	case disk.Bavail*disk.Frsize < uint64(file.size):
		return fail(nil, "see `df -h "+Quote(folder)+"`; `docker system df` shows what Docker holds",
			fmt.Sprintf("%s: no space left on the disk: %d of %d bytes are free", sentence, disk.Bavail*disk.Frsize, file.size))
	case disk.Files > 0 && disk.Favail == 0:
		return fail(nil, "see `df -i "+Quote(folder)+"`", sentence+": no space left for further files on the disk")
	}
	return fail(err, "", sentence)
}

// readOnly is the flag of statvfs@openssh.com for a read-only file system.
const readOnly = 1

// free asks for the disk of a folder, or of the nearest one above that exists.
func free(client *sftp.Client, folder string) (*sftp.StatVFS, bool) {
	if _, able := client.HasExtension("statvfs@openssh.com"); !able {
		return nil, false
	}
	for {
		disk, err := client.StatVFS(folder)
		if err == nil {
			return disk, true
		}
		above := path.Dir(folder)
		if above == folder {
			return nil, false
		}
		folder = above
	}
}
