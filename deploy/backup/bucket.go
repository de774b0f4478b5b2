package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const (
	// attempts is how often a request is tried.
	attempts = 3
	// largestRecord bounds what is read of a record: a database of thousands of
	// tables has one of less than a megabyte.
	largestRecord = 16 << 20
	// cleanUpTimeout bounds what is undone after a failure or an interruption.
	cleanUpTimeout = 30 * time.Second
)

// bucket is the folder of one environment in an S3 bucket.
type bucket struct {
	core     *minio.Core
	settings deploy.Backups
	file     string
	patience time.Duration
}

func openBucket(options Options) (*bucket, error) {
	settings := options.Settings
	b := &bucket{settings: settings, file: options.File, patience: options.Patience}
	var missing []string
	for _, name := range []string{settings.AccessKey, settings.SecretKey} {
		if options.Variables[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("log in to the S3 server %s: %s not set", settings.Endpoint, areWords(missing)),
			Hint:   fmt.Sprintf("Write %s into %s, with the login that the owner of bucket %s gave you.", strings.Join(missing, " and "), options.File, settings.Bucket),
		}
	}
	address, err := url.Parse(settings.Endpoint)
	if err != nil || address.Host == "" || strings.Trim(address.Path, "/") != "" {
		return nil, &deploy.Failure{
			Status: deploy.ExitUsage, Err: fmt.Errorf("open the S3 server: %q is not an address", settings.Endpoint),
			Hint: "Write x-deploy.backups.endpoint as https://host or https://host:port, without a path.",
		}
	}
	b.core, err = minio.NewCore(address.Host, &minio.Options{
		Creds:     credentials.NewStaticV4(options.Variables[settings.AccessKey], options.Variables[settings.SecretKey], ""),
		Secure:    address.Scheme == "https",
		Transport: patientTransport(options.Patience), Region: settings.Region, MaxRetries: attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("open the S3 server %s: %w", settings.Endpoint, err)
	}
	return b, nil
}

func areWords(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, " and ") + " are"
}

// where names the folder for people.
func (b *bucket) where() string {
	return fmt.Sprintf("bucket %s below %q", b.settings.Bucket, b.settings.Prefix)
}

// key is the object's name of something of ours.
func (b *bucket) key(name string) string { return path.Join(b.settings.Prefix, name) }

// object is one that lies in the folder.
type object struct {
	Name    string
	Size    int64
	Written time.Time
}

// objects lists the folder and what is below it.
func (b *bucket) objects(ctx context.Context) ([]object, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing where it is left early
	defer cancel()
	prefix := b.settings.Prefix
	if prefix != "" {
		prefix += "/"
	}
	var found []object
	for one := range b.core.Client.ListObjects(ctx, b.settings.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if one.Err != nil {
			return nil, b.refused(ctx, "list the backups", one.Err)
		}
		found = append(found, object{Name: strings.TrimPrefix(one.Key, prefix), Size: one.Size, Written: one.LastModified})
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list the backups: %w", context.Cause(ctx))
	}
	return found, nil
}

// read reads a record.
func (b *bucket) read(ctx context.Context, name string, into any) error {
	body, _, _, err := b.core.GetObject(ctx, b.settings.Bucket, b.key(name), minio.GetObjectOptions{})
	if err != nil {
		return b.refused(ctx, "read "+name, err)
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, largestRecord))
	if err != nil {
		return b.refused(ctx, "read "+name, err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return &unreadableRecord{fmt.Errorf("read %s: %w", name, err)}
	}
	return nil
}

// unreadableRecord is a record that is there and says nothing.
type unreadableRecord struct{ error }

// write writes a record.
func (b *bucket) write(ctx context.Context, name string, record any) error {
	content, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = b.core.Client.PutObject(ctx, b.settings.Bucket, b.key(name), bytes.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{ContentType: "application/json"})
	if err != nil {
		return b.refused(ctx, "write "+name, err)
	}
	return nil
}

// remove takes an object away, also when ctx has ended.
func (b *bucket) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	if err := b.core.RemoveObject(ctx, b.settings.Bucket, b.key(name), minio.RemoveObjectOptions{}); err != nil {
		return b.refused(ctx, "remove "+name, err)
	}
	return nil
}
