package system

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDaemonJSONIsAddedTo(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		flags            given
		swarm            bool
	}{
		{name: "none yet", text: "", want: `{
  "log-driver": "json-file",
  "log-opts": {
    "max-size": "10m",
    "max-file": "3"
  },
  "live-restore": true
}
`},
		{name: "tabs and unknown keys are kept", text: "{\n\t\"mtu\": 1400,\n\t\"dns\":   [\"9.9.9.9\"]\n}\n", want: "{\n\t\"mtu\": 1400,\n\t\"dns\":   [\"9.9.9.9\"],\n" +
			"\t\"log-driver\": \"json-file\",\n\t\"log-opts\": {\n\t\t\"max-size\": \"10m\",\n\t\t\"max-file\": \"3\"\n\t},\n\t\"live-restore\": true\n}\n"},
		{name: "one line stays one line", text: `{"mtu": 1400}`,
			want: `{"mtu": 1400, "log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "3"}, "live-restore": true}`},
		{name: "chosen values stay", text: "{\n  \"log-driver\": \"json-file\",\n  \"log-opts\": {\"max-size\": \"50m\"},\n  \"live-restore\": true\n}\n",
			want: "{\n  \"log-driver\": \"json-file\",\n  \"log-opts\": {\"max-size\": \"50m\", \"max-file\": \"3\"},\n  \"live-restore\": true\n}\n"},
		{name: "empty options among lines", text: "{\n  \"log-opts\": {},\n  \"live-restore\": true,\n  \"log-driver\": \"json-file\"\n}",
			want: "{\n  \"log-opts\": {\n    \"max-size\": \"10m\",\n    \"max-file\": \"3\"\n  },\n  \"live-restore\": true,\n  \"log-driver\": \"json-file\"\n}"},
		{name: "options of several lines", text: "{\n    \"log-opts\": {\n        \"tag\": \"x\"\n    }\n}\n",
			want: "{\n    \"log-opts\": {\n        \"tag\": \"x\",\n        \"max-size\": \"10m\",\n        \"max-file\": \"3\"\n    },\n    \"log-driver\": \"json-file\",\n    \"live-restore\": true\n}\n"},
		{name: "another driver", text: `{"log-driver": "journald"}`, want: `{"log-driver": "journald", "live-restore": true}`},
		{name: "the driver local", text: `{"log-driver": "local", "live-restore": false}`, want: `{"log-driver": "local", "live-restore": false}`},
		{name: "a swarm", text: `{"log-driver": "local"}`, want: `{"log-driver": "local"}`, swarm: true},
		{name: "flags", text: `{}`, want: `{}`, flags: given{keyDriver: true, keyLiveRestore: true}},
		{name: "an option as a flag", text: `{"mtu": 1}`, want: `{"mtu": 1, "live-restore": true}`, flags: given{keyLogs: true}},
		{name: "a byte order mark", text: "\xef\xbb\xbf{\"mtu\": 1}", want: "\xef\xbb\xbf{\"mtu\": 1, \"live-restore\": true}", flags: given{keyLogs: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			read, err := readDaemonJSON([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			text, err := read.with(test.flags, test.swarm)
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != test.want {
				t.Fatalf("got\n%s\nwant\n%s", text, test.want)
			}
			if !json.Valid([]byte(strings.TrimPrefix(test.want, "\xef\xbb\xbf"))) {
				t.Fatalf("not JSON:\n%s", test.want)
			}
			again, err := readDaemonJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if twice, err := again.with(test.flags, test.swarm); err != nil || string(twice) != string(text) {
				t.Fatalf("a second time it becomes\n%s\n%v", twice, err)
			}
		})
	}
}

func TestDaemonJSONThatIsWrongIsNamedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"{\n  \"mtu\": 1400,\n}\n":                "line 3, column 1: invalid character '}'",
		"{\n  \"mtu\": 1400":                      "line 2, column 13: unexpected end of JSON input",
		"[]":                                      "cannot unmarshal array",
		"null":                                    "an object is needed",
		"{\"mtu\": 1,\n \"log-opts\": null}":      "line 2, column 14: log-opts: an object is needed",
		"{\"mtu\": 1,\n \"log-opts\": \"x\"}":     "line 2, column 14: log-opts: ",
		"{\"live-restore\": \"yes\"}":             "line 1, column 18: live-restore: ",
		"{\"log-driver\": 1}":                     "line 1, column 16: log-driver: ",
		"{\"log-driver\": \"local\"} {\"mtu\":1}": "line 1, column 25: invalid character '{'",
	} {
		if _, err := readDaemonJSON([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %v, want %s", text, err, want)
		}
	}
}

func TestFlagsOfTheEngine(t *testing.T) {
	flags, file := flagsGiven([]string{"dockerd", "-H", "fd://", "--log-opt=max-size=1m", "--config-file", "/etc/other.json", "--live-restore"})
	if !flags[keyLogs] || !flags[keyLiveRestore] || flags[keyDriver] || file != "/etc/other.json" {
		t.Errorf("got %v and %q", flags, file)
	}
	if flags, file := flagsGiven([]string{"dockerd", "--log-driver", "journald", "--config-file=/a.json"}); !flags[keyDriver] || file != "/a.json" {
		t.Errorf("got %v and %q", flags, file)
	}
}
