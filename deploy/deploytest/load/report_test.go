package load

import "testing"

// What a busy machine did not send for a while is no loss; a load that is not
// there is no success.
func TestCheckOfWhatWasNotSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		unsent int
		fails  bool
	}{{0, false}, {100, false}, {225, false}, {226, true}, {900, true}} {
		report := Report{Kinds: []Tally{{Kind: Get, Sent: 900, OK: 900}}, Unsent: test.unsent}
		if err := report.Check(); (err != nil) != test.fails {
			t.Errorf("900 sent and %d not: %v", test.unsent, err)
		}
	}
}
