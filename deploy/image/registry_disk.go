package image

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// mostManifest is the size that the distribution specification asks registries
// to take at least.
const mostManifest = 4 << 20

// refuse answers in the distribution specification's form.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"errors": []map[string]string{{"code": code, "message": message}},
	})
}

// manifestKeeper writes every manifest that the inner registry accepts to
// disk, since that one forgets them with its process.
type manifestKeeper struct {
	directory string
	inner     http.Handler
	// lock keeps the disk in the order in which manifests were accepted.
	lock sync.Mutex
}

// manifestRecord is one manifest under one of its names, in a file of its own.
type manifestRecord struct {
	// Path is the URL's: "/v2/shop/backend/manifests/v1.15.0".
	Path      string `json:"path"`
	MediaType string `json:"mediaType"`
	Manifest  []byte `json:"manifest"`
}

// keepManifests gives the inner registry what an earlier process kept.
func keepManifests(directory string, inner http.Handler) (http.Handler, error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(directory, "*.json"))
	if err != nil {
		return nil, err
	}
	var images, indexes []manifestRecord
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var record manifestRecord
		if err := json.Unmarshal(data, &record); err != nil {
			return nil, fmt.Errorf("read %s: %w; remove the file and push that image again", file, err)
		}
		if types.MediaType(record.MediaType).IsIndex() {
			indexes = append(indexes, record)
		} else {
			images = append(images, record)
		}
	}
	// An index is accepted only when what it names is there, which may be
	// other indexes: as many rounds as it takes.
	for pending := append(images, indexes...); len(pending) > 0; {
		var refused []manifestRecord
		for _, record := range pending {
			if !record.replay(inner) {
				refused = append(refused, record)
			}
		}
		if len(refused) == len(pending) {
			break // their images were deleted
		}
		pending = refused
	}
	return &manifestKeeper{directory: directory, inner: inner}, nil
}

func (m manifestRecord) replay(inner http.Handler) bool {
	answer := &recorder{header: http.Header{}}
	inner.ServeHTTP(answer, &http.Request{
		Method: http.MethodPut,
		URL:    &url.URL{Path: m.Path},
		Header: http.Header{"Content-Type": {m.MediaType}},
		Body:   io.NopCloser(bytes.NewReader(m.Manifest)),
	})
	return answer.status == http.StatusCreated
}

func (k *manifestKeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	changes := r.Method == http.MethodPut || r.Method == http.MethodDelete
	if !changes || path.Base(path.Dir(r.URL.Path)) != "manifests" {
		k.inner.ServeHTTP(w, r)
		return
	}
	manifest, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostManifest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", err.Error())
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(manifest))
	k.lock.Lock()
	defer k.lock.Unlock()
	answer := &recorder{header: w.Header()}
	k.inner.ServeHTTP(answer, r)
	switch answer.status {
	case http.StatusCreated:
		// By its digest too: the tag may move on, and who pinned stays.
		byDigest := path.Join(path.Dir(r.URL.Path), answer.header.Get("Docker-Content-Digest"))
		for _, name := range []string{byDigest, r.URL.Path} {
			record := manifestRecord{Path: name, MediaType: r.Header.Get("Content-Type"), Manifest: manifest}
			if err = record.write(k.file(name)); err != nil {
				break
			}
		}
	case http.StatusAccepted:
		if err = os.Remove(k.file(r.URL.Path)); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes())
}

// file is named by a hash, so that no request can choose a path.
func (k *manifestKeeper) file(name string) string {
	return filepath.Join(k.directory, fmt.Sprintf("%x.json", sha256.Sum256([]byte(name))))
}

// write is whole or not at all, also when the process is killed in between.
func (m manifestRecord) write(name string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone after the rename
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// recorder holds an answer back until the disk has what it confirms.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(data)
}

// uploadStreamer puts uploads on disk as they come in. The inner registry
// would hold each layer in memory, and take one at a time; it still verifies
// and stores what is complete.
type uploadStreamer struct {
	directory string
	inner     http.Handler
}

// uploadPath finds the repository and the identifier in an upload's address.
// The inner registry makes identifiers of digits; these here are text.
var uploadPath = regexp.MustCompile(`^(/v2/.+/blobs/uploads/)([0-9A-Z]{26,})$`)

// streamUploads forgets uploads that an earlier process did not finish; their
// clients begin again.
func streamUploads(directory string, inner http.Handler) (http.Handler, error) {
	if err := os.RemoveAll(directory); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	return &uploadStreamer{directory: directory, inner: inner}, nil
}

func (u *uploadStreamer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if begins := strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/blobs/uploads"); begins &&
		r.Method == http.MethodPost && r.URL.Query().Get("digest") == "" {
		u.begin(w, r)
		return
	}
	upload := uploadPath.FindStringSubmatch(r.URL.Path)
	if upload == nil {
		u.inner.ServeHTTP(w, r)
		return
	}
	file := filepath.Join(u.directory, upload[2])
	switch r.Method {
	case http.MethodPatch:
		u.receive(w, r, file)
	case http.MethodPut:
		u.finish(w, r, file, upload[1])
	case http.MethodDelete:
		_ = os.Remove(file)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "uploads are not read back")
	}
}

func (u *uploadStreamer) begin(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	if err := os.WriteFile(filepath.Join(u.directory, id), nil, 0o644); err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Location", strings.TrimSuffix(r.URL.Path, "/")+"/"+id)
	w.Header().Set("Range", "0-0")
	w.WriteHeader(http.StatusAccepted)
}

// receive appends one chunk, which must follow on what is there.
func (u *uploadStreamer) receive(w http.ResponseWriter, r *http.Request, name string) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "no such upload")
		return
	}
	defer file.Close()
	state, err := file.Stat()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	var start, end int64
	if given := r.Header.Get("Content-Range"); given != "" {
		if _, err := fmt.Sscanf(given, "%d-%d", &start, &end); err != nil || start != state.Size() {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "the chunk does not follow on what was sent")
			return
		}
	}
	written, err := io.Copy(file, r.Body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	w.Header().Set("Location", r.URL.Path)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, state.Size()+written-1)))
	w.WriteHeader(http.StatusAccepted)
}

// finish hands the whole upload to the inner registry in one request, which
// that one verifies against the digest and writes to disk as it reads.
func (u *uploadStreamer) finish(w http.ResponseWriter, r *http.Request, name, uploads string) {
	file, err := os.Open(name)
	if err != nil {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "no such upload")
		return
	}
	defer os.Remove(name)
	defer file.Close()
	whole := r.Clone(r.Context())
	whole.Method = http.MethodPost
	whole.URL.Path = uploads
	whole.Body = io.NopCloser(io.MultiReader(file, r.Body))
	whole.ContentLength = -1
	u.inner.ServeHTTP(w, whole)
}
