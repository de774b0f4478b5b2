package deploy_test

import (
	"testing"
)

func TestRolloutSucceeds(t *testing.T) {
	in(t, "under load", func(t *testing.T, s *site) {
		s.serve(shop, "v1")
		stop := s.load("backend", "frontend")
		s.serve(shop, "v2")
		stop()
		s.kept()
		t.Log(s.Traffic(), s.Names())
		for _, c := range s.Calls() {
			t.Log(c)
		}
	})
}
