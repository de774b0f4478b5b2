package fleet

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestWhatIsAskedOfAHistory(t *testing.T) {
	for name, test := range map[string]struct {
		asked   Looking
		counted bool
		typed   []string // none is refused
	}{
		"a list":            {Looking{}, false, []string{"history", "-env=staging", "-n=20"}},
		"some, in JSON":     {Looking{Count: 3, JSON: true}, true, []string{"history", "-env=staging", "-n=3", "-json"}},
		"one":               {Looking{Show: "K3QX"}, false, []string{"history", "-env=staging", "-show=K3QX"}},
		"two releases":      {Looking{Diff: "v1..v2"}, false, []string{"history", "-env=staging", "-diff=v1..v2"}},
		"one and two":       {Looking{Show: "K3QX", Diff: "v1..v2"}, false, nil},
		"nothing":           {Looking{}, true, nil},
		"less than nothing": {Looking{Count: -1}, true, nil},
	} {
		err := test.asked.Check(test.counted)
		if failure, ok := errors.AsType[*deploy.Failure](err); ok && failure.Status == deploy.ExitUsage && test.typed == nil {
			continue
		}
		if err != nil || !slices.Equal(test.asked.typed("staging"), test.typed) {
			t.Errorf("%s: %v (%v)", name, test.asked.typed("staging"), err)
		}
	}
}

func TestTheListsOfHostsAreOne(t *testing.T) {
	var out bytes.Buffer
	if err := joinLists(&out, [][]byte{[]byte(`[{"id":"a","what":"<x>"}]`), []byte(`[]`), []byte(`[{"id":"b"}]`)}); err != nil {
		t.Fatal(err)
	}
	const want = `[
  {
    "id": "a",
    "what": "<x>"
  },
  {
    "id": "b"
  }
]
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
	if err := joinLists(&out, [][]byte{[]byte("no history target")}); err == nil {
		t.Error("what is no list was taken for one")
	}
}
