package frame_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

func TestAcceptIsTheOneOfTheRFC(t *testing.T) {
	if got := frame.Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("Accept = %q", got)
	}
}

// The examples of RFC 6455, section 5.7.
func TestFramesAreThoseOfTheRFC(t *testing.T) {
	unmasked := []byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}
	if got := frame.Append(nil, frame.Text, []byte("Hello"), nil); !bytes.Equal(got, unmasked) {
		t.Errorf("unmasked = % x", got)
	}
	masked := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	if got := frame.Append(nil, frame.Text, []byte("Hello"), &mask); !bytes.Equal(got, masked) {
		t.Errorf("masked = % x", got)
	}
}

func TestFramesSurviveARoundTrip(t *testing.T) {
	mask := [4]byte{1, 2, 3, 4}
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		payload := []byte(strings.Repeat("x", size))
		for _, peer := range []frame.Role{frame.FromClient, frame.FromServer} {
			var m *[4]byte
			if peer == frame.FromClient {
				m = &mask
			}
			r := bufio.NewReader(bytes.NewReader(frame.Append(nil, frame.Binary, payload, m)))
			got, err := frame.Read(r, make([]byte, 80000), peer)
			if err != nil || got.Op != frame.Binary || !got.Fin || !bytes.Equal(got.Payload, payload) {
				t.Errorf("size %d, peer %v: %v, %d bytes", size, peer, err, len(got.Payload))
			}
		}
	}
}

func TestReadRefusesWhatAPeerMayNotSend(t *testing.T) {
	tests := map[string][]byte{
		"masked by a server":    {0x81, 0x80, 0, 0, 0, 0},
		"reserved bit":          {0xC1, 0x00},
		"fragmented close":      {0x08, 0x00},
		"ping of 126 bytes":     append([]byte{0x89, 126, 0, 126}, make([]byte, 126)...),
		"longer than its limit": {0x81, 127, 0xFF, 0, 0, 0, 0, 0, 0, 0},
	}
	for name, wire := range tests {
		_, err := frame.Read(bufio.NewReader(bytes.NewReader(wire)), make([]byte, 4096), frame.FromServer)
		if !errors.Is(err, frame.ErrProtocol) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestReadTellsAnEndBetweenFramesFromOneInside(t *testing.T) {
	whole := frame.AppendClose(nil, frame.CloseGoingAway, nil)
	for cut := range whole {
		r := bufio.NewReader(bytes.NewReader(whole[:cut]))
		_, err := frame.Read(r, make([]byte, 64), frame.FromServer)
		want := io.ErrUnexpectedEOF
		if cut == 0 {
			want = io.EOF
		}
		if !errors.Is(err, want) {
			t.Errorf("cut at %d: err = %v, want %v", cut, err, want)
		}
	}
	f, err := frame.Read(bufio.NewReader(bytes.NewReader(whole)), make([]byte, 64), frame.FromServer)
	if err != nil || f.CloseCode() != frame.CloseGoingAway {
		t.Errorf("close frame: %v, code %d", err, f.CloseCode())
	}
}
