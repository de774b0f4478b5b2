package backup

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// swap puts one database in the place of another, which is kept aside, and
// says for how long nobody could connect.
//
// Postgres renames in a transaction: whoever is killed in the middle, either
// both names have changed or none. A rename holds a lock that new connections
// wait for and ends only when no others are left; so those are ended, again and
// again, while it waits. Nothing is blocked that would have to be undone.
func (v *Vault) swap(ctx context.Context, s *server, current, incoming, aside string) (gap time.Duration, err error) {
	renaming := s.open(ctx, s.maintenance(), applicationName+" swap", "")
	defer renaming.close()
	// A deployer that hangs here must not keep the shop waiting.
	if _, err := renaming.ask("SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '10s';"); err != nil {
		return 0, err
	}
	ending, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- s.endConnections(ending, current, incoming) }()
	renames := "BEGIN;\n"
	if current != "" {
		renames += fmt.Sprintf("ALTER DATABASE %s RENAME TO %s;\n", identifier(current), identifier(aside))
	}
	renames += fmt.Sprintf("ALTER DATABASE %s RENAME TO %s;\n", identifier(incoming), identifier(s.database))
	if _, err = renaming.ask(renames); err == nil {
		v.reached("renamed")
		_, err = renaming.ask("COMMIT;")
	}
	gap = time.Since(began)
	stop()
	if failed := <-ended; failed != nil && !errors.Is(failed, context.Canceled) {
		err = errors.Join(err, failed)
	}
	return gap, err
}

// endConnections ends all connections to the databases, until ctx ends.
func (s *server) endConnections(ctx context.Context, databases ...string) error {
	ending := s.open(ctx, s.maintenance(), applicationName+" swap", "")
	defer ending.close()
	var names string
	for at, name := range databases {
		if at > 0 {
			names += ", "
		}
		names += literal(name)
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := ending.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (" + names + ");"); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("end the connections to %s: %w", names, err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}
