package engine

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// additive are the requests by which the SDK may change something. A network
// is connected only to a container that the SDK has just created (engines
// before 25 take one network at creation): reconnecting one that runs comes
// after disconnecting it, which is refused.
var additive = regexp.MustCompile(`^(/v[0-9.]+)?/(containers|networks|volumes)/create$|^(/v[0-9.]+)?/networks/[^/]+/connect$`)

// createTimeout bounds one creating request, which is not cancelled before.
const createTimeout = time.Minute

// refuse is asked before each request of the SDK's client. It lets through
// what reads and what adds. The SDK's plan is thereby unable to stop, start,
// rename, disconnect or remove anything, whatever it found.
//
// What adds is let through to its end: the engine goes on creating when a
// client hangs up, and the container would appear after everybody looked.
func refuse(request *http.Request) error {
	switch {
	case request.Method == http.MethodGet, request.Method == http.MethodHead:
		return nil
	case request.Method == http.MethodPost && additive.MatchString(request.URL.Path):
		ctx, cancel := context.WithTimeout(context.WithoutCancel(request.Context()), createTimeout)
		context.AfterFunc(ctx, cancel)
		*request = *request.WithContext(ctx)
		return nil
	}
	return fmt.Errorf("refused to %s %s: creating containers changes nothing else", request.Method, request.URL.Path)
}

// redirectLogs gives what Compose and docker/cli log to slog. They write to
// the process's standard error otherwise.
var redirectLogs = sync.OnceFunc(func() {
	logrus.SetOutput(io.Discard)
	logrus.AddHook(logHook{})
})

type logHook struct{}

func (logHook) Levels() []logrus.Level { return logrus.AllLevels }

func (logHook) Fire(entry *logrus.Entry) error {
	level := slog.LevelDebug
	if entry.Level <= logrus.WarnLevel {
		level = slog.LevelWarn
	}
	slog.Log(entry.Context, level, strings.TrimSpace(entry.Message), "by", "compose")
	return nil
}
