package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
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

// Two hosts' lists are one, in which the address tells them apart.
func TestTheListsOfHostsAreOne(t *testing.T) {
	f := &Fleet{Hosts: []*Host{{Address: "one.example"}, {Address: "two.example"}, {Address: "three.example"}}}
	var out bytes.Buffer
	if err := f.joinLists(&out, [][]byte{[]byte(`[{"id":"a","what":"<x>","host":"vps"}]`), []byte(`[]`), []byte(`[{"id":"b","host":"vps"}]`)}); err != nil {
		t.Fatal(err)
	}
	var entries []deploy.HistoryEntry
	if err := json.Unmarshal(out.Bytes(), &entries); err != nil {
		t.Fatal(err)
	}
	want := []deploy.HistoryEntry{{ID: "a", What: "<x>", Host: "vps", Address: "one.example"}, {ID: "b", Host: "vps", Address: "three.example"}}
	if !reflect.DeepEqual(entries, want) {
		t.Errorf("got %+v", entries)
	}
	if !strings.Contains(out.String(), `"<x>"`) {
		t.Errorf("it does not read well:\n%s", &out)
	}
	if err := f.joinLists(&out, [][]byte{[]byte("no history target")}); err == nil {
		t.Error("what is no list was taken for one")
	}
}
