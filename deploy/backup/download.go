package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/minio/minio-go/v7"
)

// download reads an object from its beginning to its end. A line that breaks in
// the middle is made anew and goes on where it stopped; a part is asked for
// three times. It says which bytes it has given.
//
// It may be read by several goroutines, one after the other gets what follows:
// a command that ended may have left a Read behind.
type download struct {
	mu       sync.Mutex
	ctx      context.Context //nolint:containedctx // a reader has no other way to be ended
	bucket   *bucket
	name     string
	size     int64
	tag      string
	body     io.ReadCloser
	at       int64
	failed   int
	sum      hash.Hash
	err      error
	progress func(done, total int64)
	told     int64
}

// progressStep is how much is between two reports of progress.
const progressStep = 1 << 20

// open begins a download.
func (b *bucket) open(ctx context.Context, name string, progress func(done, total int64)) (*download, error) {
	d := &download{ctx: ctx, bucket: b, name: name, sum: sha256.New(), progress: progress}
	if err := d.ask(); err != nil {
		return nil, err
	}
	return d, nil
}

// ask asks for what is left, of the very object that the download began with.
func (d *download) ask() error {
	var options minio.GetObjectOptions
	if d.at > 0 {
		if err := errors.Join(options.SetRange(d.at, 0), options.SetMatchETag(d.tag)); err != nil {
			return err
		}
	}
	body, found, _, err := d.bucket.core.GetObject(d.ctx, d.bucket.settings.Bucket, d.bucket.key(d.name), options)
	if err != nil {
		return d.bucket.refused(d.ctx, "read "+d.name, err)
	}
	if d.at == 0 {
		d.size, d.tag = found.Size, found.ETag
	}
	d.body = body
	return nil
}

// Read gives the next bytes.
func (d *download) Read(buffer []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if d.err != nil {
			return 0, d.err
		}
		if d.at == d.size {
			return 0, io.EOF
		}
		read, err := d.body.Read(buffer)
		if read > 0 {
			d.failed = 0
			d.at += int64(read)
			d.sum.Write(buffer[:read])
			d.tell()
			return read, nil
		}
		if err != nil {
			d.again(err)
		}
	}
}

// again makes the line anew after a failure.
func (d *download) again(err error) {
	_ = d.body.Close()
	if d.failed++; d.failed == attempts || d.ctx.Err() != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		d.err = d.bucket.refused(d.ctx, "read "+d.name, err)
		return
	}
	d.err = d.ask()
}

func (d *download) tell() {
	if d.at-d.told >= progressStep || d.at == d.size {
		d.told = d.at
		d.progress(d.at, d.size)
	}
}

// finish reads what is left and gives the checksum of it all.
func (d *download) finish() (string, error) {
	if _, err := io.Copy(io.Discard, d); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return hex.EncodeToString(d.sum.Sum(nil)), nil
}

// broken is why it could not be read to the end; nil where it could so far.
func (d *download) broken() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// Close ends it.
func (d *download) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = fmt.Errorf("read %s: %w", d.name, io.ErrClosedPipe)
	}
	return d.body.Close()
}
