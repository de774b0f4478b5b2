package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

const (
	// partSize is how much of a backup is in memory, twice: one part is read
	// while the one before is sent, and sent again where the line breaks. The
	// garbage collector lets the same come to that before it looks.
	partSize = 8 << 20
	// mostParts is S3's limit, which makes the largest backup 83 GB. The parts
	// cannot grow on the way: some servers want all of one size.
	mostParts = 10_000
	// abandoned is how old an upload is that nobody is working on any more.
	abandoned = 6 * time.Hour
)

// upload sends all of a content of unknown size. The object appears whole at
// the end or not at all; an upload that fails is taken back, also when ctx has
// ended.
func (b *bucket) upload(ctx context.Context, name string, metadata map[string]string, content io.Reader, progress func(int64)) (err error) {
	id, err := b.core.NewMultipartUpload(ctx, b.settings.Bucket, b.key(name), minio.PutObjectOptions{
		ContentType: "application/octet-stream", UserMetadata: metadata,
	})
	if err != nil {
		return b.refused(ctx, "begin the upload of "+name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.abort(ctx, name, id))
		}
	}()
	parts, err := b.sendParts(ctx, name, id, content, progress)
	if err != nil {
		return err
	}
	if _, err := b.core.CompleteMultipartUpload(ctx, b.settings.Bucket, b.key(name), id, parts, minio.PutObjectOptions{}); err != nil {
		// It may have been done all the same.
		return errors.Join(b.refused(ctx, "complete the upload of "+name, err), b.remove(ctx, name))
	}
	return nil
}

// sendParts reads one part while it sends the one before.
func (b *bucket) sendParts(ctx context.Context, name, id string, content io.Reader, progress func(int64)) ([]minio.CompletePart, error) {
	group, ctx := errgroup.WithContext(ctx)
	filled, free := make(chan []byte), make(chan []byte, 2)
	free <- make([]byte, partSize)
	free <- make([]byte, partSize)
	group.Go(func() error {
		defer close(filled)
		for buffer := range free {
			read, err := io.ReadFull(content, buffer)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
			if read > 0 {
				select {
				case filled <- buffer[:read]:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			if err != nil {
				return nil //nolint:nilerr // it is the end
			}
		}
		return nil
	})
	var parts []minio.CompletePart
	group.Go(func() error {
		var sent int64
		for part := range filled {
			number := len(parts) + 1
			if number > mostParts {
				return fmt.Errorf("upload %s: it is larger than %d GB, the most that can be kept", name, mostParts*partSize/1_000_000_000)
			}
			done, err := b.core.PutObjectPart(ctx, b.settings.Bucket, b.key(name), id, number, bytes.NewReader(part), int64(len(part)), minio.PutObjectPartOptions{})
			if err != nil {
				return b.refused(ctx, fmt.Sprintf("upload part %d of %s", number, name), err)
			}
			parts = append(parts, minio.CompletePart{PartNumber: number, ETag: done.ETag})
			sent += int64(len(part))
			progress(sent)
			free <- part[:partSize]
		}
		return nil
	})
	return parts, group.Wait()
}

func (b *bucket) abort(ctx context.Context, name, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	err := b.core.AbortMultipartUpload(ctx, b.settings.Bucket, b.key(name), id)
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchUpload {
		return &leftError{name, b.refused(ctx, "abort the upload", err)}
	}
	return nil
}

// abortAbandoned takes back the uploads of backups whose taker was killed.
func (b *bucket) abortAbandoned(ctx context.Context, now time.Time) error {
	prefix := b.key("") + "/"
	if b.settings.Prefix == "" {
		prefix = ""
	}
	for one := range b.core.ListIncompleteUploads(ctx, b.settings.Bucket, prefix, true) {
		if one.Err != nil {
			return b.refused(ctx, "list the uploads that were not finished", one.Err)
		}
		name := one.Key[len(prefix):]
		if !ours(name) || now.Sub(one.Initiated) < abandoned {
			continue
		}
		if err := b.abort(ctx, name, one.UploadID); err != nil {
			return err
		}
	}
	return nil
}
