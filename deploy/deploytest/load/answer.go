package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// errMalformed is wrapped by everything an answer may not look like.
var errMalformed = errors.New("malformed answer")

const (
	maxHeaderLines = 200
	idHeader       = "X-Load-Id" // sent with each request; an answer that repeats it must repeat ours
)

// An answer is a response as far as it has been read. It is reused by its
// connection; nothing in it outlives the next request.
type answer struct {
	status  int
	length  int64 // -1: not given
	chunked bool
	closing bool // the connection ends with this answer
	chunks  int  // chunks with bytes in them
	release []byte
	id      []byte
	accept  []byte // Sec-WebSocket-Accept
	upgrade bool
}

// readHead reads up to the empty line, passing over interim answers.
// started says whether the first byte came.
func (a *answer) readHead(br *bufio.Reader, releaseHeader string) (started bool, err error) {
	if _, err := br.Peek(1); err != nil {
		return false, err
	}
	for {
		if err := a.readStatusLine(br); err != nil {
			return true, err
		}
		if err := a.readHeaders(br, releaseHeader); err != nil {
			return true, err
		}
		if a.status >= 200 || a.status == 101 {
			return true, nil
		}
	}
}

func (a *answer) readStatusLine(br *bufio.Reader) error {
	line, err := readLine(br)
	if err != nil {
		return err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return fmt.Errorf("%w: status line %.40q", errMalformed, line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 || status > 599 || len(line) > 12 && line[12] != ' ' {
		return fmt.Errorf("%w: status line %.40q", errMalformed, line)
	}
	*a = answer{
		status: status, length: -1, closing: line[7] == '0',
		release: a.release[:0], id: a.id[:0], accept: a.accept[:0],
	}
	return nil
}

func (a *answer) readHeaders(br *bufio.Reader, releaseHeader string) error {
	for range maxHeaderLines {
		line, err := readLine(br)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 {
			return fmt.Errorf("%w: header line %.40q", errMalformed, line)
		}
		if err := a.header(name, bytes.TrimSpace(value), releaseHeader); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d header lines", errMalformed, maxHeaderLines)
}

func (a *answer) header(name, value []byte, releaseHeader string) error {
	switch {
	case fold(name, "Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || a.length >= 0 && a.length != int64(n) {
			return fmt.Errorf("%w: content length %.40q", errMalformed, value)
		}
		a.length = int64(n)
	case fold(name, "Transfer-Encoding"):
		if !fold(value, "chunked") {
			return fmt.Errorf("%w: transfer encoding %.40q", errMalformed, value)
		}
		a.chunked = true
	case fold(name, "Connection"):
		for option := range bytes.SplitSeq(value, []byte(",")) {
			switch option = bytes.TrimSpace(option); {
			case fold(option, "close"):
				a.closing = true
			case fold(option, "keep-alive"):
				a.closing = false
			case fold(option, "upgrade"):
				a.upgrade = true
			}
		}
	case fold(name, releaseHeader):
		a.release = append(a.release[:0], value...)
	case fold(name, idHeader):
		a.id = append(a.id[:0], value...)
	case fold(name, "Sec-WebSocket-Accept"):
		a.accept = append(a.accept[:0], value...)
	}
	return nil
}

// readBody reads to the answer's end. A body that only the connection's end
// would delimit is malformed here: nobody could tell whether it is whole.
func (a *answer) readBody(br *bufio.Reader) error {
	switch {
	case a.status == 204 || a.status == 304:
		return nil
	case a.chunked:
		return a.readChunks(br)
	case a.length >= 0:
		return discard(br, a.length)
	default:
		a.closing = true
		return fmt.Errorf("%w: body without a length", errMalformed)
	}
}

func (a *answer) readChunks(br *bufio.Reader) error {
	for {
		line, err := readLine(br)
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 62)
		if err != nil {
			return fmt.Errorf("%w: chunk size %.40q", errMalformed, line)
		}
		if size == 0 {
			break
		}
		a.chunks++
		if err := discard(br, int64(size)); err != nil {
			return err
		}
		if line, err = readLine(br); err != nil {
			return err
		}
		if len(line) != 0 {
			return fmt.Errorf("%w: chunk longer than its size", errMalformed)
		}
	}
	for range maxHeaderLines { // trailers, up to the empty line that ends the answer
		line, err := readLine(br)
		if err != nil || len(line) == 0 {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d trailer lines", errMalformed, maxHeaderLines)
}

// readLine returns a line without its end, valid until the next read.
func readLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: line longer than %d bytes", errMalformed, br.Size())
	}
	if err != nil {
		return nil, unexpected(err)
	}
	line = line[:len(line)-1]
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

func discard(br *bufio.Reader, n int64) error {
	for n > 0 {
		done, err := br.Discard(int(min(n, 1<<20)))
		n -= int64(done)
		if err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// unexpected renames an end of file: inside an answer there is no clean one.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fold compares header names without allocating.
func fold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
