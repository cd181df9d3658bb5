// Package ringsql keeps a ring in PostgreSQL, for fleets of machines that share
// one. It goes through database/sql; the driver is the caller's to choose and to
// import, github.com/jackc/pgx/v5/stdlib for one:
//
//	db, err := sql.Open("pgx", "postgres://mail@db.example.org/mail?sslmode=verify-full")
//	store, err := ringsql.Open(ctx, db, "claims")
//	ring, err := keyring.Policy{}.NewRing(store, pgp.ParseCertificate, smime.ParseCertificate)
//
// The database keeps octets, and is trusted as far as a directory would be: the
// ring verifies every certificate again that comes out, but whoever can write to
// the tables can put a key of their own among them. Its roles, its TLS and its
// backups are what protects it.
package ringsql

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/storage"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Schema is the SQL that makes the tables. It changes nothing where they exist. A
// role that uses them needs SELECT on all three, INSERT on all three, UPDATE on
// doublekeybox_ring and doublekeybox_record, and DELETE on doublekeybox_record;
// one that only looks up needs SELECT.
const Schema = `
CREATE TABLE IF NOT EXISTS doublekeybox_ring (
	ring text   PRIMARY KEY,
	size bigint NOT NULL            -- of its log, in octets; who changes the ring locks this row
);
CREATE TABLE IF NOT EXISTS doublekeybox_log (
	ring  text   NOT NULL REFERENCES doublekeybox_ring,
	start bigint NOT NULL,          -- offset of the line
	line  bytea  NOT NULL,
	PRIMARY KEY (ring, start)
);
CREATE TABLE IF NOT EXISTS doublekeybox_record (
	ring text  NOT NULL REFERENCES doublekeybox_ring,
	name text  NOT NULL,
	body bytea NOT NULL,
	PRIMARY KEY (ring, name)
);`

// How long one call of a Store may take: it waits for a connection, for the
// network, and for others that change the same ring.
const patience = 30 * time.Second

// Create makes the tables where they do not exist, by [Schema]. It is for programs
// that are the only user of their database; elsewhere whoever owns it runs that.
func Create(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("ringsql: the tables: %w", err)
	}
	defer tx.Rollback()
	// Of two that find no table at the same time, one would fail: "IF NOT EXISTS"
	// does not wait.
	const ours = 0x646b62 // "dkb"
	if _, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, ours); err == nil {
		if _, err = tx.ExecContext(ctx, Schema); err == nil {
			err = tx.Commit()
		}
	}
	if err != nil {
		return fmt.Errorf("ringsql: the tables: %w", err)
	}
	return nil
}

// Open returns the Store of the ring that is called ring, which begins empty where
// there is none. A database holds any number of them. The name is of 1 to 64 of
// a-z, 0-9, "-" and ".", and begins with a letter or digit.
//
// The database must be the one that is written to: a copy that lags behind does
// not know of the latest revocation. Close leaves db open. Each call is given up
// after 30 seconds. The Store may be used by many goroutines, and db for other
// things.
func Open(ctx context.Context, db *sql.DB, ring string) (keyring.Store, error) {
	if !storage.ValidName(ring) {
		return nil, fmt.Errorf("ringsql: no ring can be called %.80q: use a-z, 0-9, \"-\" and \".\"", ring)
	}
	s := &store{db: db, ring: ring}
	var size int64
	err := db.QueryRowContext(ctx, `SELECT size FROM doublekeybox_ring WHERE ring = $1`, ring).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = db.ExecContext(ctx, `INSERT INTO doublekeybox_ring (ring, size) VALUES ($1, 0) ON CONFLICT DO NOTHING`, ring)
	}
	if err != nil {
		return nil, s.wrap(err)
	}
	return s, nil
}

type store struct {
	db     *sql.DB
	ring   string
	closed atomic.Bool
}

var _ keyring.Store = (*store)(nil)

func (s *store) wrap(err error) error {
	return fmt.Errorf("ringsql: the ring %s: %w", s.ring, err)
}

// begin returns the context of one call.
func (s *store) begin() (context.Context, context.CancelFunc, error) {
	if s.closed.Load() {
		return nil, nil, s.wrap(fs.ErrClosed)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	return ctx, cancel, nil
}

// Log implements keyring.Store. One statement sees one state, so that the size
// and the lines fit each other.
func (s *store) Log(from int64) ([]byte, error) {
	ctx, cancel, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer cancel()
	rows, err := s.db.QueryContext(ctx, `
		SELECT r.size, l.start, l.line FROM doublekeybox_ring r
		LEFT JOIN doublekeybox_log l ON l.ring = r.ring AND r.size > $2 AND l.start >= (
			SELECT coalesce(max(start), 0) FROM doublekeybox_log WHERE ring = $1 AND start <= $2)
		WHERE r.ring = $1 ORDER BY l.start`, s.ring, from)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	size, log := int64(-1), []byte(nil)
	at := from // where what was read ends
	for rows.Next() {
		var start sql.NullInt64
		var line []byte
		if err := rows.Scan(&size, &start, &line); err != nil {
			return nil, s.wrap(err)
		}
		if !start.Valid {
			break
		}
		if len(log) == 0 && start.Int64 < from && from < start.Int64+int64(len(line)) {
			line = line[from-start.Int64:] // from is within a line
			start.Int64 = from
		}
		if start.Int64 != at {
			return nil, s.wrap(fmt.Errorf("its log has no line at %d: restore it", at))
		}
		log = append(log, line...)
		at += int64(len(line))
	}
	switch err := rows.Err(); {
	case err != nil:
		return nil, s.wrap(err)
	case size < 0:
		return nil, s.wrap(errors.New("was removed while it was open"))
	case from < 0 || size < from:
		return nil, s.wrap(fmt.Errorf("its log has %d octets and had %d: restore it, or open the ring again", size, from))
	case at != size:
		return nil, s.wrap(fmt.Errorf("its log has no line at %d: restore it", at))
	}
	return log, nil
}

// Record implements keyring.Store.
func (s *store) Record(name string) ([]byte, error) {
	ctx, cancel, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer cancel()
	if !storage.ValidName(name) {
		return nil, s.wrap(fmt.Errorf("no record can be called %.80q: %w", name, fs.ErrNotExist))
	}
	var size int64
	var body []byte
	err = s.db.QueryRowContext(ctx, `
		SELECT octet_length(body), CASE WHEN octet_length(body) <= $3 THEN body END
		FROM doublekeybox_record WHERE ring = $1 AND name = $2`, s.ring, name, storage.MaxRecord).Scan(&size, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, s.wrap(fmt.Errorf("the record %s: %w", name, fs.ErrNotExist))
	case err != nil:
		return nil, s.wrap(err)
	case size > storage.MaxRecord:
		return nil, s.wrap(fmt.Errorf("the record %s has more than %d octets: remove it", name, storage.MaxRecord))
	}
	return body, nil
}

// Commit implements keyring.Store. Where the connection breaks while the database
// commits, it asks over another one whether the log has the line; only where it
// gets no answer either nobody knows on this side.
func (s *store) Commit(size int64, c keyring.Commit) error {
	if err := storage.Check(c.Append, c.Put, c.Drop); err != nil {
		return s.wrap(err)
	}
	ctx, cancel, err := s.begin()
	if err != nil {
		return err
	}
	defer cancel()
	// The row of the ring is locked by the first statement, which asks again after
	// it waited. A higher isolation would turn that wait into another error.
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return s.wrap(err)
	}
	defer tx.Rollback()
	err = s.write(ctx, tx, size, c)
	if err == nil {
		if err = tx.Commit(); err != nil && s.happened(size, c.Append) {
			err = nil
		}
	}
	if err != nil && err != keyring.ErrConflict {
		return s.wrap(err)
	}
	return err
}

// happened reports whether a line is in the log at offset start. It waits for a
// transaction that the database is still about to commit, by the lock on the
// ring's row. No two changes have the same line: the records that it names have
// random names.
func (s *store) happened(start int64, line []byte) bool {
	ctx, cancel, err := s.begin()
	if err != nil || len(line) == 0 {
		return false
	}
	defer cancel()
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return false
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SELECT 1 FROM doublekeybox_ring WHERE ring = $1 FOR UPDATE`, s.ring); err != nil {
		return false
	}
	var there []byte
	err = tx.QueryRowContext(ctx, `SELECT line FROM doublekeybox_log WHERE ring = $1 AND start = $2`, s.ring, start).Scan(&there)
	return err == nil && bytes.Equal(there, line)
}

func (s *store) write(ctx context.Context, tx *sql.Tx, size int64, c keyring.Commit) error {
	r, err := tx.ExecContext(ctx, `UPDATE doublekeybox_ring SET size = size + $3 WHERE ring = $1 AND size = $2`, s.ring, size, len(c.Append))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil {
		return err
	} else if n != 1 {
		return keyring.ErrConflict
	}
	if len(c.Append) > 0 {
		_, err := tx.ExecContext(ctx, `INSERT INTO doublekeybox_log (ring, start, line) VALUES ($1, $2, $3)`, s.ring, size, c.Append)
		if err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Put)) {
		body := c.Put[name]
		if body == nil {
			body = []byte{} // which is not NULL
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO doublekeybox_record (ring, name, body) VALUES ($1, $2, $3)
			ON CONFLICT (ring, name) DO UPDATE SET body = EXCLUDED.body`, s.ring, name, body)
		if err != nil {
			return err
		}
	}
	for _, name := range c.Drop {
		_, err := tx.ExecContext(ctx, `DELETE FROM doublekeybox_record WHERE ring = $1 AND name = $2`, s.ring, name)
		if err != nil {
			return err
		}
	}
	return nil
}

// Close implements keyring.Store. The database stays open.
func (s *store) Close() error {
	s.closed.Store(true)
	return nil
}
