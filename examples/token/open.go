//go:build cgo

package token

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"
)

// Token is an open token. It is safe for concurrent use: each operation has a
// session of its own.
type Token struct {
	ctx  *pkcs11.Ctx
	slot uint
	name string // for messages
	pin  func(purpose string) (string, error)
	ends bool // the library was begun by this Token, and ends with it
	raw  bool // RSA without padding

	using sync.WaitGroup // operations that have a session

	mu      sync.Mutex
	closed  bool
	free    []pkcs11.SessionHandle // logged in, and idle
	trouble error
}

// idleSessions is how many sessions are kept: more than that many operations at
// once open and close their own.
const idleSessions = 8

// Open opens the one token that c names and logs in, if it wants that. Close
// it: a module that is used by two Tokens of a process ends with the first
// that was opened.
//
// Errors: [ErrNotBuilt]; the library cannot be loaded; no token fits, or more
// than one; what PIN returned; the token refuses the PIN.
func Open(c Config) (*Token, error) {
	if c.Module == "" {
		return nil, errors.New("token: which PKCS #11 library? Config.Module is empty")
	}
	ctx := pkcs11.New(c.Module)
	if ctx == nil {
		return nil, fmt.Errorf("token: the PKCS #11 library %.200q cannot be loaded: it is missing, or no such library", c.Module)
	}
	t := &Token{ctx: ctx, pin: c.PIN}
	switch err := ctx.Initialize(); {
	case err == nil:
		t.ends = true
	case !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED):
		ctx.Destroy()
		return nil, fmt.Errorf("token: the PKCS #11 library %.200q does not start: %w", c.Module, err)
	}
	if err := t.open(&c); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Token) open(c *Config) error {
	slots, err := t.ctx.GetSlotList(true)
	if err != nil {
		return fmt.Errorf("token: the PKCS #11 library does not say which tokens there are: %w", err)
	}
	var info pkcs11.TokenInfo
	var seen []string
	fits := 0
	for _, slot := range slots {
		i, err := t.ctx.GetTokenInfo(slot)
		if err != nil || i.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		seen = append(seen, fmt.Sprintf("%.40q", i.Label))
		if c.fits(&i) {
			t.slot, t.name, info = slot, i.Label, i
			fits++
		}
	}
	switch {
	case len(seen) == 0:
		return errors.New("token: the module has no token: is it plugged in, and is this the right module? ?module-path=FILE behind the URI names another")
	case fits == 0:
		return fmt.Errorf("token: no token is there that is meant; these are: %s", strings.Join(seen, ", "))
	case fits > 1:
		return fmt.Errorf("token: %d tokens fit, and one is meant: name it by token or serial; there are: %s", fits, strings.Join(seen, ", "))
	}
	m, err := t.ctx.GetMechanismInfo(t.slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_X_509, nil)})
	t.raw = err == nil && m.Flags&pkcs11.CKF_DECRYPT != 0
	s, err := t.ctx.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return fmt.Errorf("token: no session with the token %.40q: %w", t.name, err)
	}
	t.free = append(t.free, s) // logging in holds for all sessions
	if info.Flags&pkcs11.CKF_LOGIN_REQUIRED == 0 {
		return nil
	}
	return t.login(s, pkcs11.CKU_USER, "the token "+t.name)
}

func (c *Config) fits(i *pkcs11.TokenInfo) bool {
	for _, p := range [][2]string{{c.Token, i.Label}, {c.Serial, i.SerialNumber}, {c.Manufacturer, i.ManufacturerID}, {c.Model, i.Model}} {
		if p[0] != "" && p[0] != strings.TrimRight(p[1], " \x00") {
			return false
		}
	}
	return true
}

func (t *Token) login(s pkcs11.SessionHandle, user uint, purpose string) error {
	if t.pin == nil {
		return fmt.Errorf("token: the token %.40q wants a PIN, and none was given", t.name)
	}
	pin, err := t.pin(purpose)
	if err != nil {
		return err
	}
	err = t.ctx.Login(s, user, pin)
	switch {
	case err == nil || user == pkcs11.CKU_USER && is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return nil
	case is(err, pkcs11.CKR_PIN_INCORRECT):
		return fmt.Errorf("token: the PIN is not that of the token %.40q: after a few wrong ones it locks itself", t.name)
	case is(err, pkcs11.CKR_PIN_LOCKED):
		return fmt.Errorf("token: the token %.40q is locked after too many wrong PINs: unlock it with its own program", t.name)
	}
	return fmt.Errorf("token: logging in to the token %.40q: %w", t.name, err)
}

// is reports whether err is a return value of the library.
func is(err error, rv uint) bool {
	var e pkcs11.Error
	return errors.As(err, &e) && uint(e) == rv
}

var errClosed = errors.New("token: the token was closed")

// session runs f in a session of its own.
func (t *Token) session(f func(pkcs11.SessionHandle) error) error {
	s, err := t.take()
	if err != nil {
		return t.note(err)
	}
	err = f(s)
	t.give(s, lost(err) || isBegun(err))
	return t.note(err)
}

// begunError is why an operation that was begun does not go on. It stays in its
// session, which is of no use then: before version 3, PKCS #11 has nothing that
// ends it but to go on.
type begunError struct{ error }

// Unwrap returns the reason.
func (b begunError) Unwrap() error { return b.error }

func isBegun(err error) bool {
	var b begunError
	return errors.As(err, &b)
}

// take returns a session, which has to be given back: Close waits for it, since
// the library must not go away under a call.
func (t *Token) take() (pkcs11.SessionHandle, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return 0, errClosed
	}
	t.using.Add(1)
	if n := len(t.free); n > 0 {
		defer t.mu.Unlock()
		s := t.free[n-1]
		t.free = t.free[:n-1]
		return s, nil
	}
	t.mu.Unlock() // a card takes its time
	s, err := t.ctx.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		t.using.Done()
	}
	return s, err
}

// give keeps a session that can be used again. One is always kept where all is
// well: the token logs out with the last.
func (t *Token) give(s pkcs11.SessionHandle, broken bool) {
	defer t.using.Done()
	t.mu.Lock()
	keep := !broken && len(t.free) < idleSessions
	if keep {
		t.free = append(t.free, s) // Close ends it, where it waits
	} else if len(t.free) == 0 {
		if other, err := t.ctx.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION); err == nil {
			t.free = append(t.free, other)
		}
	}
	t.mu.Unlock()
	if !keep {
		t.ctx.CloseSession(s)
	}
}

// lost reports whether an error is about the token being there, which has
// nothing to do with what it was given.
func lost(err error) bool {
	for _, rv := range []uint{
		pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_SESSION_HANDLE_INVALID,
		pkcs11.CKR_USER_NOT_LOGGED_IN, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED,
	} {
		if is(err, rv) {
			return true
		}
	}
	return false
}

func isMechanism(err error) bool {
	var m *MechanismError
	return errors.As(err, &m)
}

// note remembers trouble that nobody's message is the reason of.
func (t *Token) note(err error) error {
	if lost(err) || isMechanism(err) || isBegun(err) || errors.Is(err, errClosed) {
		t.mu.Lock()
		t.trouble = err
		t.mu.Unlock()
	}
	return err
}

// Trouble returns the last error that does not depend on what the token was
// given: it was pulled out, wants a PIN that it was not given, or does not know
// what a message needs (a [*MechanismError]). Who opens a message sees only that it did not decrypt,
// since the reasons must not be told apart; these may be, and explain it.
func (t *Token) Trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trouble
}

// Close logs out and unloads the library. Keys of the token fail from then on;
// what they are doing at the moment is waited for, so that Config.PIN must not
// call it.
func (t *Token) Close() error {
	t.mu.Lock()
	closed := t.closed
	t.closed = true
	t.mu.Unlock()
	t.using.Wait()
	if closed {
		return nil
	}
	var err error
	for _, s := range t.free {
		err = errors.Join(err, t.ctx.CloseSession(s))
	}
	t.free = nil
	if t.ends {
		err = errors.Join(err, t.ctx.Finalize())
		t.ctx.Destroy()
	}
	return err
}
