package backup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/minio/minio-go/v7"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// refused says in one sentence why the S3 server did not do what it was asked,
// and what to type. An interruption of our own stays what it is.
func (b *bucket) refused(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	because, hint := b.reason(err)
	return &deploy.Failure{Err: fmt.Errorf("%s: %w", what, &refusal{because, err}), Hint: hint}
}

// refusal says a failure in our own words and keeps the S3 client's.
type refusal struct {
	because string
	err     error
}

func (r *refusal) Error() string { return r.because }
func (r *refusal) Unwrap() error { return r.err }

// reason finds the sentence and the hint for a failure.
func (b *bucket) reason(err error) (because, hint string) {
	if because, hint, known := b.connection(err); known {
		return because, hint
	}
	response := minio.ToErrorResponse(err)
	login := fmt.Sprintf("Correct %s and %s in %s, and send it to the server: mage env:push", b.settings.AccessKey, b.settings.SecretKey, b.file)
	switch response.Code {
	case minio.NoSuchBucket:
		return fmt.Sprintf("there is no bucket %s at %s", b.settings.Bucket, b.settings.Endpoint),
			"Make it with your provider, or correct x-deploy.backups.bucket."
	case minio.InvalidAccessKeyID, "InvalidAccessKey", "XAdminUserNotFound":
		return fmt.Sprintf("the S3 server %s does not know the key in %s", b.settings.Endpoint, b.settings.AccessKey), login
	case "SignatureDoesNotMatch":
		return fmt.Sprintf("the S3 server %s does not accept the secret key in %s", b.settings.Endpoint, b.settings.SecretKey), login
	case "RequestTimeTooSkewed", "RequestExpired":
		return fmt.Sprintf("the clock of this machine differs too much from that of the S3 server %s", b.settings.Endpoint),
			"Set it: sudo timedatectl set-ntp true"
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IncorrectEndpoint":
		return fmt.Sprintf("bucket %s is in another region or at another address than %s", b.settings.Bucket, b.settings.Endpoint),
			"Correct x-deploy.backups.region and endpoint; the server says: " + response.Message
	case "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull":
		return fmt.Sprintf("the S3 server %s has no room", b.settings.Endpoint), "Remove old backups, or ask your provider for more room."
	}
	switch response.StatusCode {
	case http.StatusForbidden:
		return fmt.Sprintf("the login in %s may not do that in bucket %s at %s", b.settings.AccessKey, b.settings.Bucket, b.settings.Endpoint),
			"Allow it to list, read, write and delete there. If it is the wrong login: " + login
	case http.StatusNotFound:
		return fmt.Sprintf("it is not in bucket %s at %s", b.settings.Bucket, b.settings.Endpoint), "See what there is: mage backup:list"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusInternalServerError:
		return fmt.Sprintf("the S3 server %s is overloaded or out of order (status %d)", b.settings.Endpoint, response.StatusCode), "Try again in some minutes."
	}
	return err.Error(), "Compare x-deploy.backups with what your provider says: is " + b.settings.Endpoint + " an S3 server?"
}

// connection knows the failures of the line to the server.
func (b *bucket) connection(err error) (because, hint string, known bool) {
	address := b.settings.Endpoint
	host := address
	if parsed, parseErr := url.Parse(address); parseErr == nil {
		host = parsed.Hostname()
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the S3 server's name %s is not known", unknown.Name), "Correct x-deploy.backups.endpoint, or look at the network: getent hosts " + host, true
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "no S3 server listens at " + address, "Correct x-deploy.backups.endpoint, or start the server; then look: curl -I " + address, true
	}
	if failure, ok := errors.AsType[net.Error](err); ok && failure.Timeout() {
		return fmt.Sprintf("the S3 server %s has not answered for %s, %d times", address, b.patience, attempts), "Look at it and at the network: curl -I " + address, true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Sprintf("the connection to the S3 server %s broke: %v", address, innermost(err)), "Look at it and at the network: curl -I " + address, true
	}
	return "", "", false
}

// innermost is the cause of causes.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}
