package batch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// mute is a second channel that takes nothing a number of times.
type mute struct {
	*office
	times, asked int
	err          error
}

func (m *mute) Deliver(ctx context.Context, items []channel.Item) error {
	if m.asked++; m.asked <= m.times {
		return m.err
	}
	return m.office.Deliver(ctx, items)
}

// Nobody is told a passphrase while no server lets us in.
func TestNobodyToldForNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 3, []string{"zip"}, nil)
	there := o.run.Carrier
	for range 2 {
		o.run.Carrier = nobody{smtp.ErrLogin}
		result, err := o.send(context.Background())
		require.ErrorIs(t, err, smtp.ErrLogin)
		require.Equal(t, 3, result.Waiting)
		require.Empty(t, o.told)
	}
	o.run.Carrier = there
	_, err := o.send(context.Background())
	require.NoError(t, err)
	o.once()
	require.Len(t, o.told, 3)
	// Where nothing is left to send no server is needed.
	o.run.Carrier = nobody{smtp.ErrLogin}
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 3, result.Sent)
}

// A second channel that takes nothing is left alone for the rest of the round, so
// that the mail of all others does not wait for it each time; and nobody is sent
// a mail whose passphrase was told to nobody.
func TestSilentChannel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ times, asked, told int }{{0, 6, 6}, {2, 6, 4}, {3, 3, 0}, {100, 3, 0}} {
		o := newOffice(t, 12, []string{"zip", "openpgp"}, nil)
		m := &mute{office: o, times: c.times, err: errors.New("nobody answers")}
		o.run.Channel, o.run.ChannelBatch = m, 1
		result, err := o.send(context.Background())
		require.NoError(t, err)
		require.Equal(t, c.asked, m.asked)
		require.Equal(t, 6+c.told, result.Sent)
		require.Equal(t, 6-c.told, result.Deferred)
		require.Len(t, o.told, c.told)
		require.Len(t, o.mails, 6+c.told)
		for _, r := range o.records() {
			if r.Kind == journal.Deferred {
				require.Contains(t, r.Reply, "the second channel: ")
			}
		}
	}
	// The next round asks again.
	o := newOffice(t, 6, []string{"zip"}, nil)
	o.run.Channel, o.run.ChannelBatch = &mute{office: o, times: 3, err: errors.New("nobody answers")}, 1
	o.run.Pauses = []time.Duration{time.Millisecond}
	_, err := o.send(context.Background())
	require.NoError(t, err)
	o.once()
	require.Len(t, o.told, 6)
}
