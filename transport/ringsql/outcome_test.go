package ringsql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/ringsql"
)

// lossy is a connector whose connections break while they commit: before the
// database has heard of it, or after.
type lossy struct {
	driver.Connector
	before, after atomic.Bool
	meanwhile     func() // somebody else gets through
}

var errBroken = errors.New("the connection broke")

func (l *lossy) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := l.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &lossyConn{c.(*stdlib.Conn), l}, nil
}

type lossyConn struct {
	*stdlib.Conn
	l *lossy
}

func (c *lossyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, o)
	return &lossyTx{tx, c.l}, err
}

type lossyTx struct {
	driver.Tx
	l *lossy
}

func (t *lossyTx) Commit() error {
	if t.l.before.Swap(false) {
		err := errors.Join(errBroken, t.Rollback())
		t.l.meanwhile()
		return err
	}
	if err := t.Tx.Commit(); err != nil || !t.l.after.Swap(false) {
		return err
	}
	return errBroken
}

// A change whose answer was lost is found out about.
func TestCommitAnswerLost(t *testing.T) {
	t.Parallel()
	_, url := open(t)
	connector, err := stdlib.GetDefaultDriver().(driver.DriverContext).OpenConnector(url)
	require.NoError(t, err)
	l := &lossy{Connector: connector}
	db := sql.OpenDB(l)
	defer db.Close()
	s, err := ringsql.Open(t.Context(), db, "a")
	require.NoError(t, err)
	l.after.Store(true)
	require.NoError(t, s.Commit(0, keyring.Commit{Append: []byte("1\n")}), "it happened")
	require.False(t, l.after.Load())

	other, err := ringsql.Open(t.Context(), db, "a")
	require.NoError(t, err)
	for _, l.meanwhile = range []func(){
		func() {},
		func() { require.NoError(t, other.Commit(2, keyring.Commit{Append: []byte("3\n")})) },
	} {
		l.before.Store(true)
		require.ErrorIs(t, s.Commit(2, keyring.Commit{Append: []byte("2\n")}), errBroken, "it did not")
		require.False(t, l.before.Load())
	}
	log, err := s.Log(0)
	require.NoError(t, err)
	require.Equal(t, "1\n3\n", string(log))
}
