package check

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// Of what the tests said, those that failed are told with their last messages,
// and a test whose part failed only if it says more.
func TestBriefly(t *testing.T) {
	t.Parallel()
	f := &testsFailed{error: errors.New("exit status 1")}
	f.read(strings.NewReader(strings.Join([]string{
		`{"Action":"output","Package":"a/mage","Test":"TestWhole/part","Output":"    one_test.go:7: it is broken\n"}`,
		`{"Action":"output","Package":"a/mage","Test":"TestWhole/part","Output":"    project.go:44: what ran\n"}`,
		`{"Action":"output","Package":"a/mage","Test":"TestGood","Output":"    one_test.go:8: all is well\n"}`,
		`not JSON`,
		`{"Action":"fail","Package":"a/mage","Test":"TestWhole/part"}`,
		`{"Action":"fail","Package":"a/mage","Test":"TestWhole"}`,
		`{"Action":"pass","Package":"a/mage","Test":"TestGood"}`,
		`{"Action":"output","Package":"a/mage","Output":"FAIL\n"}`,
		`{"Action":"fail","Package":"a/mage"}`,
		`{"Action":"output","Package":"a/proxy","Test":"TestGood","Output":"ok\n"}`,
		`{"Action":"output","Package":"a/proxy","Output":"clean up: it is still there\n"}`,
		`{"Action":"output","Package":"a/proxy","Output":"exit status 1\n"}`,
		`{"Action":"fail","Package":"a/proxy"}`,
		`{"Action":"output","Package":"a/deploy","Output":"panic: test timed out after 1h\n"}`,
		`{"Action":"fail","Package":"a/deploy"}`,
		`{"ImportPath":"a/image","Action":"build-output","Output":"image/pull.go:3:1: syntax error\n"}`,
		`{"ImportPath":"a/image","Action":"build-fail"}`,
	}, "\n")))
	var out bytes.Buffer
	f.write(&out)
	want := "✗ mage.TestWhole/part\n    one_test.go:7: it is broken\n✗ proxy\n    clean up: it is still there\n✗ deploy\n    panic: test timed out after 1h\n" +
		"✗ image\n    image/pull.go:3:1: syntax error\n"
	if out.String() != want {
		t.Errorf("it says\n%s\nand not\n%s", out.String(), want)
	}
}

func TestBrieflyIsBrief(t *testing.T) {
	t.Parallel()
	f := &testsFailed{}
	f.read(strings.NewReader(strings.Repeat(
		`{"Action":"output","Package":"a","Test":"T","Output":"a_test.go:1: `+strings.Repeat("ä", 1000)+`\n"}`+"\n", 100) +
		`{"Action":"fail","Package":"a","Test":"T"}`))
	var out bytes.Buffer
	f.write(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+toldLines || len([]rune(lines[1])) > toldWidth+10 {
		t.Errorf("%d lines, the first of %d characters", len(lines), len([]rune(lines[1])))
	}
}
