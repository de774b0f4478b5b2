// Package frame reads and writes the frames of RFC 6455 (WebSocket), just
// enough for the load generator and the application it sends to: unfragmented
// messages, control frames and the closing handshake. It buffers nothing
// itself, so that a caller knows to the byte what a peer has sent.
package frame

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455 prescribes SHA-1 for the handshake; nothing secret hangs on it
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Opcode says what a frame carries.
type Opcode byte

// The opcodes of RFC 6455, section 5.2.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// Close codes of RFC 6455, section 7.4.1, as far as they are used here.
const (
	CloseNormal      uint16 = 1000
	CloseGoingAway   uint16 = 1001
	CloseProtocol    uint16 = 1002
	CloseUnsupported uint16 = 1003
	closeNone        uint16 = 1005
)

// ErrProtocol is returned for bytes that are no frame a peer may send.
var ErrProtocol = errors.New("websocket protocol violated")

// Role says which side the peer is on: clients must mask, servers must not.
type Role int

// The two sides of a connection.
const (
	FromServer Role = iota
	FromClient
)

const (
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	maxControl = 125
	finBit     = 0x80
	reserved   = 0x70
	maskBit    = 0x80
)

// Frame is one frame as read. Payload is valid until the next Read with the
// same buffer.
type Frame struct {
	Op      Opcode
	Fin     bool
	Payload []byte
}

// CloseCode is the code of a close frame, or 1005 when it carries none.
func (f Frame) CloseCode() uint16 {
	if f.Op != Close || len(f.Payload) < 2 {
		return closeNone
	}
	return binary.BigEndian.Uint16(f.Payload)
}

// Accept is the value of Sec-WebSocket-Accept that answers a client's key.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID)) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Append adds one final frame to dst, masked when mask is not nil.
func Append(dst []byte, op Opcode, payload []byte, mask *[4]byte) []byte {
	dst = append(dst, finBit|byte(op))
	bit := byte(0)
	if mask != nil {
		bit = maskBit
	}
	switch n := len(payload); {
	case n <= maxControl:
		dst = append(dst, bit|byte(n))
	case n <= 0xFFFF:
		dst = append(dst, bit|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, bit|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	if mask == nil {
		return append(dst, payload...)
	}
	dst = append(dst, mask[:]...)
	from := len(dst)
	dst = append(dst, payload...)
	unmask(dst[from:], *mask)
	return dst
}

// AppendClose adds a close frame with a code.
func AppendClose(dst []byte, code uint16, mask *[4]byte) []byte {
	return Append(dst, Close, binary.BigEndian.AppendUint16(nil, code), mask)
}

// Read takes one frame from r. The payload is put into buf, which is also the
// limit: a longer frame is refused with ErrProtocol. io.EOF means that the
// connection ended between frames, io.ErrUnexpectedEOF that it ended inside one.
func Read(r *bufio.Reader, buf []byte, peer Role) (Frame, error) {
	var head [14]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return Frame{}, err
	}
	f := Frame{Op: Opcode(head[0] & 0x0F), Fin: head[0]&finBit != 0}
	masked := head[1]&maskBit != 0
	if head[0]&reserved != 0 {
		return Frame{}, fmt.Errorf("%w: reserved bits set", ErrProtocol)
	}
	if masked != (peer == FromClient) {
		return Frame{}, fmt.Errorf("%w: wrong masking", ErrProtocol)
	}
	size, err := readSize(r, head[1]&^maskBit, head[2:10])
	if err != nil {
		return Frame{}, err
	}
	if f.Op >= Close && (!f.Fin || size > maxControl) {
		return Frame{}, fmt.Errorf("%w: control frame fragmented or too long", ErrProtocol)
	}
	if size > uint64(len(buf)) {
		return Frame{}, fmt.Errorf("%w: frame of %d bytes, at most %d", ErrProtocol, size, len(buf))
	}
	var mask [4]byte
	if masked {
		if err := fill(r, mask[:]); err != nil {
			return Frame{}, err
		}
	}
	f.Payload = buf[:size]
	if err := fill(r, f.Payload); err != nil {
		return Frame{}, err
	}
	if masked {
		unmask(f.Payload, mask)
	}
	return f, nil
}

func readSize(r *bufio.Reader, short byte, scratch []byte) (uint64, error) {
	switch short {
	case 126:
		if err := fill(r, scratch[:2]); err != nil {
			return 0, err
		}
		return uint64(binary.BigEndian.Uint16(scratch)), nil
	case 127:
		if err := fill(r, scratch[:8]); err != nil {
			return 0, err
		}
		return binary.BigEndian.Uint64(scratch), nil
	default:
		return uint64(short), nil
	}
}

// fill reads all of b; inside a frame every end of the connection is unexpected.
func fill(r *bufio.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func unmask(b []byte, mask [4]byte) {
	for i := range b {
		b[i] ^= mask[i&3]
	}
}
