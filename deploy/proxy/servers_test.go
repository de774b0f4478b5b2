package proxy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// As HAProxy 3.0 answers "show servers state".
const slotsReply = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 web 1 s1 172.18.0.2 2 8 1 1 926 6 3 2 6 0 0 0 web-1 8000 - 0 0 - - 0
3 web 2 s2 172.18.0.3 2 68 1 1 0 1 0 1 6 0 0 0 web-2 8000 - 0 0 - - 0
3 web 3 s3 - 0 37 1 1 926 1 0 0 14 0 0 0 deploy-unused-slot 8000 - 0 0 - - 0
3 web 4 s4 - 0 32 1 1 5 6 3 0 14 0 0 0 web-4 8000 - 0 0 - - 0
3 web 5 s5 172.18.0.9 0 69 1 1 5 6 3 0 14 0 0 0 web-5 8000 - 0 0 - - 0`

func TestSlotsAreRead(t *testing.T) {
	got, err := parseSlots(slotsReply)
	if err != nil {
		t.Fatal(err)
	}
	want := []slot{
		{backend: "web", name: "s1", container: "web-1", address: netip.MustParseAddr("172.18.0.2"), state: deploy.ServerDraining, up: true},
		{backend: "web", name: "s2", container: "web-2", address: netip.MustParseAddr("172.18.0.3"), state: deploy.ServerReady, up: true},
		{backend: "web", name: "s3", state: deploy.ServerMaintenance, nameless: true},
		{backend: "web", name: "s4", container: "web-4", state: deploy.ServerReady, nameless: true},
		{backend: "web", name: "s5", container: "web-5", address: netip.MustParseAddr("172.18.0.9"), state: deploy.ServerMaintenance},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// As HAProxy 3.0 answers "show stat -1 5 -1", with fewer columns.
const statsReply = `# pxname,svname,qcur,qmax,scur,smax,slim,stot,econ,eresp,wretr,wredis,status,hrsp_5xx,rtime,last_chk,-,
listen:80,FRONTEND,,,7,9,4096,123,,,,,OPEN,3,,,-,
listen:81,FRONTEND,,,2,9,4096,123,,,,,OPEN,3,,,-,
web,s1,1,0,4,5,,120,2,0,6,5,UP,3,14,"Layer4, check ""passed""",-,
web,s2,0,0,0,0,,0,0,0,0,0,MAINT (resolution),,,,-,
`

func TestCountersAreRead(t *testing.T) {
	got, err := parseStats(statsReply)
	if err != nil {
		t.Fatal(err)
	}
	if got.sessions != 9 {
		t.Errorf("%d sessions, want 9", got.sessions)
	}
	want := deploy.ServerCounters{
		InFlight: 5, Requests: 120, Failed: 3, ConnectErrors: 2, Retries: 6, Redispatches: 5,
		ResponseTime: 14 * time.Millisecond,
	}
	if got.servers["web/s1"] != want {
		t.Errorf("got  %+v\nwant %+v", got.servers["web/s1"], want)
	}
	if (got.servers["web/s2"] != deploy.ServerCounters{}) || len(got.servers) != 2 {
		t.Errorf("servers: %+v", got.servers)
	}
}

func TestWhatTheProxyDoesNotSayIsAnError(t *testing.T) {
	for _, reply := range []string{"", "\n", "2\n# be_name", "1\n", "1\n# be_id be_name", "No such backend.", slotsReply[:len(slotsReply)-10], slotsReply + "\n3 web 6 s6 here 2 8 1 1 926 6 3 2 6 0 0 0 web-1 8000 - 0 0 - - 0"} {
		if got, err := parseSlots(reply); err == nil {
			t.Errorf("parseSlots(%q) = %+v", reply, got)
		}
	}
	for _, reply := range []string{"", "# pxname,svname", "Permission denied", statsReply + "web,s3,1\n", statsReply + "web,s4,1,0,many,5,,120,2,0,6,5,UP,3,14,,-,\n"} {
		if got, err := parseStats(reply); err == nil {
			t.Errorf("parseStats(%q) = %+v", reply, got)
		}
	}
}

func TestRequestsOfAnOldWorkerAreCounted(t *testing.T) {
	slots, _ := parseSlots(slotsReply)
	read, _ := parseStats(statsReply)
	state := deploy.ProxyState{Servers: []deploy.Server{{Service: "web", Container: "web-2", State: deploy.ServerReady}}}
	oldWorker{slots: slots, stats: read}.addTo(&state)
	if state.Leaving != 4 {
		t.Errorf("%d idle connections, want 9 sessions without 5 requests", state.Leaving)
	}
	if len(state.Servers) != 2 || state.Servers[1].Container != "web-1" || state.Servers[1].InFlight != 5 || state.Servers[1].State != deploy.ServerDraining {
		t.Errorf("servers: %+v", state.Servers)
	}
}

func FuzzSlots(f *testing.F) {
	f.Add(slotsReply)
	f.Add("1\n# a b\n\n")
	f.Fuzz(func(t *testing.T, reply string) {
		slots, err := parseSlots(reply)
		for _, read := range slots {
			if err != nil || read.state == "" || read.container == UnusedName {
				t.Errorf("%+v, %v", read, err)
			}
		}
	})
}

func FuzzStats(f *testing.F) {
	f.Add(statsReply)
	f.Add("# pxname,svname\n\"")
	f.Fuzz(func(t *testing.T, reply string) {
		if read, err := parseStats(reply); err == nil && read.servers == nil {
			t.Error("neither counters nor an error")
		}
	})
}
