package backup

import (
	"context"
	"net"
	"net/http"
	"time"
)

// patientTransport gives connections that fail once the other side has been
// silent for too long. There is no limit to a whole request, as a large backup
// on a slow line takes its time; nor does it count when nobody on this side
// reads, because Postgres has enough to do with what it got. That needs HTTP/1:
// HTTP/2 reads all the time.
func patientTransport(patience time.Duration) http.RoundTripper {
	dialer := &net.Dialer{Timeout: min(patience, 10*time.Second), KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &patientConn{Conn: conn, patience: patience}, nil
		},
		TLSHandshakeTimeout: min(patience, 10*time.Second),
		MaxIdleConnsPerHost: listedAtOnce,
		IdleConnTimeout:     time.Minute,
		// What is stored compressed is to come as it is stored.
		DisableCompression: true,
	}
}

// patientConn gives each read and each write so long.
type patientConn struct {
	net.Conn
	patience time.Duration
}

func (c *patientConn) Read(buffer []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(buffer)
}

func (c *patientConn) Write(content []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(content)
}
