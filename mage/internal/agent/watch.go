package agent

import (
	"context"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Watch follows the newest rollout of this machine and hands on each line. It
// gives the result.
func Watch(ctx context.Context, store *deploy.Store, each func(Line)) (*deploy.Result, error) {
	s := &server{Request: &Request{Env: store.Environment, Follow: &Follow{}}, store: store}
	reader, writer := io.Pipe()
	s.out = writer
	ended := make(chan error, 1)
	go func() {
		err := s.follow(ctx)
		ended <- err
		_ = writer.Close() // always nil
	}()
	var result *deploy.Result
	if err := ReadLines(reader, func(line Line, _ int) {
		if line.Result != nil {
			result = line.Result
		}
		each(line)
	}); err != nil {
		return nil, err
	}
	if err := <-ended; result == nil {
		return nil, err
	}
	return result, nil
}
