package mail

import (
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// frame is what stands around a sealed message in a mail, octet by octet: what
// is written, and what Reopen demands.
type frame struct {
	fields     []field // of the header
	head, tail string  // of the body, around the message
}

// boundaryMark is what our boundaries begin with: = is followed by no _ in base64,
// armor or quoted-printable.
const boundaryMark = "=_"

// frameFor returns the frame of a message of a format. boundary is for OpenPGP
// alone, and random for each message: one that two have in common would tell
// that they are copies of one mail.
func frameFor(format, container, boundary string) frame {
	if format == formatSMIME {
		return smimeFrame(container)
	}
	return pgpFrame(boundary)
}

// smimeFrame is RFC 8551, Sections 3.2 and 3.3. The parameter smime-type is no
// quoted string in the examples there, and some programs look for that.
func smimeFrame(container string) frame {
	kind := "enveloped-data"
	if container == containerAuthEnveloped {
		kind = "authEnveloped-data"
	}
	return frame{fields: []field{
		{"MIME-Version", "1.0"},
		{"Content-Type", withParams("Content-Type", "application/pkcs7-mime; smime-type="+kind, param{"name", "smime.p7m"})},
		{"Content-Transfer-Encoding", "base64"},
		{"Content-Disposition", withParams("Content-Disposition", "attachment", param{"filename", "smime.p7m"})},
	}}
}

// pgpFrame is RFC 3156, Section 4.
func pgpFrame(boundary string) frame {
	return frame{
		fields: []field{
			{"MIME-Version", "1.0"},
			{"Content-Type", withParams("Content-Type", "multipart/encrypted", param{"protocol", "application/pgp-encrypted"}, param{"boundary", boundary})},
		},
		head: strings.Join([]string{
			"--" + boundary,
			"Content-Type: application/pgp-encrypted",
			"Content-Description: PGP/MIME version identification",
			"",
			"Version: 1",
			"",
			"--" + boundary,
			`Content-Type: application/octet-stream; name="encrypted.asc"`,
			"Content-Description: OpenPGP encrypted message",
			`Content-Disposition: inline; filename="encrypted.asc"`,
			"", "",
		}, "\r\n"),
		tail: "\r\n--" + boundary + "--\r\n",
	}
}

const (
	containerAuthEnveloped = "AuthEnvelopedData"
	containerEnveloped     = "EnvelopedData"
)

// encoder returns what makes of the message the text between head and tail. Its
// Close does not close dst.
func encoder(format string, dst io.Writer) io.WriteCloser {
	if format == formatSMIME {
		return base64lines.NewWriter(dst)
	}
	return &lineEnds{dst: dst}
}
