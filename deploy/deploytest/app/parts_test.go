package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func environment(pairs ...string) func(string) string {
	env := make(map[string]string)
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

func TestSettingsNameEveryMistake(t *testing.T) {
	_, err := ParseSettings(environment("APP_BOOT=soon", "APP_HEALTH=sick", "APP_ON_SIGTERM=dance", "APP_GRACE=-1s",
		"APP_FAIL_STATUS=200", "APP_REQUIRE_ENV=SECRET_A,SECRET_B", "SECRET_A=hunter2", "APP_HOG_MEMORY=much",
		"APP_HANG=perhaps", "APP_WORK_SECONDS=-1", "APP_RELEASE=v 1"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"APP_BOOT", "APP_HEALTH", "APP_ON_SIGTERM", "APP_GRACE", "APP_FAIL_STATUS", "SECRET_B",
		"APP_HOG_MEMORY", "APP_HANG", "APP_WORK_SECONDS", "APP_RELEASE"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "SECRET_A:") {
		t.Errorf("a secret or a variable that is set is named:\n%v", err)
	}
}

func TestSettingsAreRead(t *testing.T) {
	s, err := ParseSettings(environment("APP_FAIL_STATUS=true", "APP_HOG_MEMORY=64m", "APP_WORK_SECONDS=1.5", "APP_BOOT=2s"))
	if err != nil {
		t.Fatal(err)
	}
	if s.FailStatus != 500 || s.HogMemory != 64<<20 || s.Work != 1500*time.Millisecond || s.Boot != 2*time.Second ||
		s.Listen != ":8080" || s.Health != healthOK || s.OnSIGTERM != onDrain || s.Identity == "" {
		t.Errorf("settings %+v", s)
	}
}

func TestLinesOfManyWritersStayWhole(t *testing.T) {
	log := appendLog{folder: filepath.Join(t.TempDir(), "new"), name: "orders.log"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if err := log.add(strings.Repeat("x", 100)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var b strings.Builder
	if err := log.copyTo(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != strings.Repeat(strings.Repeat("x", 100)+"\n", 800) {
		t.Error("lines were mixed up or lost")
	}
}

func TestBadOrdersMakeNoRow(t *testing.T) {
	folder := t.TempDir()
	s := newServer(Settings{Release: "v1", Store: folder}, slog.New(slog.DiscardHandler))
	for _, body := range []string{"", "{}", `{"id":"a b"}`, `{"id":"a\nb"}`, `{"id":"` + strings.Repeat("x", 200) + `"}`} {
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(body)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q: status %d", body, w.Code)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("store has %v, %v", entries, err)
	}
}

func TestAnOrderThatCannotBeStoredIsNotPromised(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(Settings{Store: file}, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(`{"id":"a-1"}`)))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
}

func TestTheSchedulerTicksEachSecond(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		if err := schedule(ctx, Settings{Store: folder, Identity: "me"}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	})
	b, err := os.ReadFile(filepath.Join(folder, "ticks.log"))
	if lines := strings.Split(strings.TrimSpace(string(b)), "\n"); err != nil || len(lines) != 4 || !strings.HasPrefix(lines[3], "tick me ") {
		t.Errorf("ticks %q, %v", b, err)
	}
}

func TestAWorkerFinishesItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := work(ctx, Settings{Work: 5 * time.Second}, slog.New(slog.NewTextHandler(io.Discard, nil))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 7500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}
