package mail_test

import (
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// claimed is an attack on who wrote a mail: Eve signs, with a key that Bob
// knows to be hers, and the header has one to think that Alice did. In the
// twin the header says what is.
func claimed(name, fields string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return fields + rest + signed(f, plain(foreign), c.eve)
		}
		return fromEve + rest + signed(f, plain(foreign), c.eve)
	}}
}

// misnamed is the other way round: Alice signs, and the header names another,
// nobody, or several.
func misnamed(name, fields string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return fields + rest + signed(f, plain(genuine), c.alice)
		}
		return header + signed(f, plain(genuine), c.alice)
	}}
}

// Identity: "Johnny, you are fired!", Section 4.4 (I1 to I3); RFC 5322,
// Section 3.4; "Composition kills", USENIX Security 2020.
func idAttacks() []attack {
	return []attack{
		claimed("id-signer-other", fromAlice),
		claimed("id-display-name", "From: \"alice@example.org\" <eve@example.net>\r\n"),
		claimed("id-display-name-bare", "From: alice@example.org <eve@example.net>\r\n"),
		claimed("id-display-name-brackets", "From: \"Alice <alice@example.org>\" <eve@example.net>\r\n"),
		claimed("id-display-name-padded", "From: \"alice@example.org"+strings.Repeat(" ", 60)+"\" <eve@example.net>\r\n"),
		claimed("id-display-name-with-name", "From: \"Alice (alice@example.org)\" <eve@example.net>\r\n"),
		claimed("id-display-name-encoded", "From: =?utf-8?q?alice=40example=2Eorg?= <eve@example.net>\r\n"),
		claimed("id-display-name-encoded-brackets", "From: =?utf-8?b?QWxpY2UgPGFsaWNlQGV4YW1wbGUub3JnPg==?= <eve@example.net>\r\n"),
		claimed("id-comment", "From: eve@example.net (alice@example.org)\r\n"),
		claimed("id-comment-before", "From: (alice@example.org) eve@example.net\r\n"),
		claimed("id-two-from-last", fromAlice+fromEve),
		claimed("id-two-from-first", fromEve+fromAlice),
		claimed("id-two-addresses", "From: Alice <alice@example.org>, Eve <eve@example.net>\r\n"),
		claimed("id-two-addresses-last", "From: Eve <eve@example.net>, Alice <alice@example.org>\r\n"),
		claimed("id-two-angles", "From: <alice@example.org> <eve@example.net>\r\n"),
		claimed("id-sender", fromAlice+"Sender: Eve <eve@example.net>\r\n"),
		claimed("id-reply-to", fromAlice+"Reply-To: Eve <eve@example.net>\r\n"),
		claimed("id-encoded-address", "From: =?utf-8?q?alice=40example.org?=\r\nSender: eve@example.net\r\n"),
		claimed("id-homograph-local", "From: \u0430lice@example.org\r\n"),
		claimed("id-homograph-domain", "From: alice@ex\u0430mple.org\r\n"),
		claimed("id-group", "From: alice@example.org: eve@example.net;\r\n"),
		claimed("id-route", "From: <@example.net:alice@example.org>\r\n"),
		claimed("id-percent", "From: alice%example.org@example.net\r\n"),
		claimed("id-bang", "From: <example.net!alice@example.org>\r\n"),
		claimed("id-nul", "From: <alice@example.org\x00@example.net>\r\n"),
		claimed("id-nul-name", "From: alice@example.org\x00 <eve@example.net>\r\n"),
		claimed("id-line-folded", "From: Alice\r\n <alice@example.org>,\r\n <eve@example.net>\r\n"),
		claimed("id-space-before-colon", "From : Alice <alice@example.org>\r\n"+fromEve),
		claimed("id-longer-domain", "From: Alice <alice@example.org.example.net>\r\n"),
		claimed("id-from-behind-header", "X-A: b\r\n \r\nFrom: Alice <alice@example.org>\r\n"+fromEve),
		claimed("id-quoted-at", "From: \"eve@example.net\"@example.org\r\n"),
		claimed("id-bare-cr", "From: Alice <alice@example.org>\rFrom: Eve <eve@example.net>\r\n"),
		misnamed("id-empty", "From:\r\n"),
		misnamed("id-empty-angles", "From: <>\r\n"),
		misnamed("id-missing", ""),
		misnamed("id-missing-sender", "Sender: Alice <alice@example.org>\r\n"),
		misnamed("id-empty-group", "From: alice@example.org:;\r\n"),
		misnamed("id-group-of-one-and-more", "From: team: alice@example.org, eve@example.net;\r\n"),
		misnamed("id-local-case", "From: Alice@example.org\r\n"),
		misnamed("id-plus", "From: alice+eve@example.org\r\n"),
		misnamed("id-name-of-other", "From: \"eve@example.net\" <alice@example.org>\r\n"),
		misnamed("id-from-of-eve", fromEve),
		misnamed("id-three-from", fromAlice+fromAlice+fromEve),
		misnamed("id-not-an-address", "From: alice\r\n"),
		{name: "id-key-claims-more", mail: func(c *cast, f string, attacks bool) string {
			// Bob verified the key as Eve's; it says itself that it is Alice's too.
			if attacks {
				return header + signed(f, plain(foreign), c.both)
			}
			return fromEve + rest + signed(f, plain(foreign), c.both)
		}, opener: func(t testing.TB, c *cast, o *mail.Opener, _ bool) { o.Ring, o.Senders = c.ringOfEve(t), nil }},
		{name: "id-key-claims-more-sender", mail: func(c *cast, f string, attacks bool) string {
			// The same key, which the caller took from the ring as Eve's.
			if attacks {
				return header + signed(f, plain(foreign), c.both)
			}
			return fromEve + rest + signed(f, plain(foreign), c.both)
		}, opener: func(t testing.TB, c *cast, o *mail.Opener, _ bool) {
			o.Senders = sure(c.ringOfEve(t).Senders(eveAddress))
		}},
		{name: "id-inner-from", mail: func(c *cast, f string, attacks bool) string {
			// Eve seals and signs what says From: Alice inside, From: Eve outside.
			inner := fromEve + rest
			if attacks {
				inner = header
			}
			return fromEve + rest + sealed(f, kept(plain(foreign), inner), []*someone{c.eve}, c.bob)
		}},
		{name: "id-inner-two-from", mail: func(c *cast, f string, attacks bool) string {
			inner := fromEve + rest
			if attacks {
				inner = fromAlice + inner
			}
			return fromEve + rest + signed(f, protect(plain(foreign), "clear", inner), c.eve)
		}},
		{name: "id-inner-from-v1", mail: func(c *cast, f string, attacks bool) string {
			inner := fromEve + rest
			if attacks {
				inner = header
			}
			return fromEve + rest + signed(f, strings.Replace(protect(plain(foreign), "", inner), "hp=\"\"", "protected-headers=\"v1\"", 1), c.eve)
		}},
		{name: "id-unverified-key", mail: func(c *cast, f string, attacks bool) string {
			by := c.alice
			if attacks {
				by = c.carol // a good key that nobody verified, in her own name
			}
			return "From: " + by.address + "\r\n" + rest + signed(f, plain(genuine), by)
		}},
	}
}
