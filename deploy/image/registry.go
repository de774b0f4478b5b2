package image

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// closeTimeout is how long requests may still take when a registry closes.
const closeTimeout = 5 * time.Second

// RegistryOptions are how a Registry is started.
type RegistryOptions struct {
	// Address is a host and port on the loopback interface. Docker engines
	// trust 127.0.0.0/8 without a certificate, and nothing else reaches it.
	// Port 0 takes a free one.
	Address string
	// Directory keeps blobs and manifests. One process at a time.
	Directory string
	// Username and Password are asked for, by HTTP basic authentication,
	// where Username is not empty.
	Username, Password string
}

// Registry is a container registry in this process, for the demonstration and
// the tests: go-containerregistry's own, with blobs and manifests on disk.
type Registry struct {
	server  *http.Server
	address string
	served  chan struct{}
	detach  func() bool
	// silent are connections that sent nothing yet. Clients open some in
	// reserve, and Shutdown would wait for them.
	silent sync.Map
}

// StartRegistry serves until ctx ends or Close.
func StartRegistry(ctx context.Context, options RegistryOptions) (*Registry, error) {
	host, _, err := net.SplitHostPort(options.Address)
	if err != nil {
		return nil, fmt.Errorf("start registry on %q: %w", options.Address, err)
	}
	if !loopback(host) {
		return nil, fmt.Errorf("start registry on %s: it has no encryption, so it listens on loopback addresses only; use 127.0.0.1", options.Address)
	}
	handler, err := registryHandler(options)
	if err != nil {
		return nil, fmt.Errorf("start registry on %s: %w", options.Address, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", options.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("start registry: another process listens on %s; end that one or choose another port: %w", options.Address, err)
	} else if err != nil {
		return nil, fmt.Errorf("start registry: %w", err)
	}
	r := &Registry{
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0),
		},
		address: listener.Addr().String(),
		served:  make(chan struct{}),
	}
	r.server.ConnState = func(connection net.Conn, state http.ConnState) {
		if state == http.StateNew {
			r.silent.Store(connection, nil)
		} else {
			r.silent.Delete(connection)
		}
	}
	r.server.RegisterOnShutdown(func() {
		r.silent.Range(func(connection, _ any) bool {
			_ = connection.(net.Conn).Close()
			return true
		})
	})
	go func() {
		defer close(r.served)
		_ = r.server.Serve(listener) // http.ErrServerClosed, after Close
	}()
	r.detach = context.AfterFunc(ctx, func() { _ = r.close(ctx) })
	return r, nil
}

// Address is where the registry listens, as image references begin:
// "127.0.0.1:5000".
func (r *Registry) Address() string { return r.address }

// Close lets running requests end, for some seconds, and frees the port.
func (r *Registry) Close() error {
	r.detach()
	return r.close(context.Background())
}

func (r *Registry) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, r.server.Close())
	}
	<-r.served
	if err != nil {
		return fmt.Errorf("close registry on %s: %w", r.address, err)
	}
	return nil
}

// registryHandler is go-containerregistry's registry behind what keeps
// manifests, streams uploads, and asks for the password.
func registryHandler(options RegistryOptions) (http.Handler, error) {
	blobs := filepath.Join(options.Directory, "blobs")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return nil, err
	}
	inner := registry.New(
		registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)),
		registry.Logger(log.New(io.Discard, "", 0)),
	)
	manifests, err := keepManifests(filepath.Join(options.Directory, "manifests"), inner)
	if err != nil {
		return nil, err
	}
	uploads, err := streamUploads(filepath.Join(options.Directory, "uploads"), manifests)
	if err != nil {
		return nil, err
	}
	if options.Username == "" {
		return uploads, nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		username, password, _ := r.BasicAuth()
		right := subtle.ConstantTimeCompare([]byte(username), []byte(options.Username)) &
			subtle.ConstantTimeCompare([]byte(password), []byte(options.Password))
		if right != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
			return
		}
		uploads.ServeHTTP(w, r)
	}), nil
}
