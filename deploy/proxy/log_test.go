package proxy

import (
	"maps"
	"testing"
)

func TestFailedIn(t *testing.T) {
	got := FailedIn(`shop-proxy-1  | 192.168.96.1 GET / listen:8080 web/s2 500 -- 0/1/0/1 retries=0
192.168.96.1 GET /a%20b listen:8080 web/s1 503 sC 0/-1/-1/3000 retries=3
192.168.96.1 GET / listen:8000 api/<NOSRV> 503 sC 0/-1/-1/3000 retries=0
192.168.96.1 GET / listen:8080 listen:8080/<NOSRV> 503 LR 0/-1/-1/0 retries=0
192.168.96.1 GET / listen:8080 web/s1 404 -- 0/0/0/0 retries=0
192.168.96.1 POST / listen:8080 web/s1 -1 CD 0/0/-1/8 retries=0
192.168.96.1 <BADREQ> - listen:8080 listen:8080/<NOSRV> 400 PR -1/-1/-1/0 retries=0
Server web/s1 is UP/READY (leaving forced maintenance).
[WARNING]  (9) : Proxy web stopped (cumulated conns: FE: 0, BE: 500).

`)
	if want := map[string]int{"web": 2, "api": 1}; !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
