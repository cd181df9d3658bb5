package arrows

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	aws   = "github.com/aws/aws-sdk-go-v2"
	smith = "github.com/aws/smithy-go"
)

// besideLayers are the layers of the packages of transport, and of the programs
// that are more than one package. The first prefix that fits decides, as in
// layers.
//
//	list <- letter           \
//	journal <- report         batch <- mailer
//	channel, carrier         /
//
// What keeps the promise that nobody is sent a mail twice, journal, knows of
// nothing that is sent.
func besideLayers() []layer {
	const (
		transport = module + "/transport/"
		mailer    = module + "/examples/mailer/internal/"
	)
	sealing := []string{module + "/internal", module + "/keyring", module + "/envelope"}
	formats := append([]string{module + "/pgp", module + "/smime"}, sealing...)
	with := func(some []string, more ...string) []string { return slices.Concat(some, more) }
	return []layer{
		{"transport/link/s3", with(sealing, aws, smith, transport+"link")},
		{"transport/link", nil}, // it is in a page that a browser loads
		{"transport/ses", with(sealing, aws, smith, transport+"internal", transport+"smtp")},
		{"transport/internal/login", []string{"github.com/emersion/go-sasl", "golang.org/x/text", module + "/internal"}},
		{"transport/internal", []string{module + "/internal"}},
		{"transport/smtp", with(sealing, "github.com/emersion/go-smtp", transport+"internal")},
		{"transport/imap", with(sealing, "github.com/emersion/go-imap/v2", transport+"internal")},
		{"transport/bounce", []string{module + "/internal", module + "/envelope"}},
		{"transport/ldap", []string{"github.com/go-ldap/ldap/v3", "github.com/go-asn1-ber/asn1-ber", module + "/internal", module + "/keyring"}},
		{"transport/ringsql", []string{module + "/internal", module + "/keyring"}},
		{"transport", nil},

		{"examples/mailer/internal/list", []string{module + "/internal", module + "/examples/internal"}},
		{"examples/mailer/internal/letter", []string{transport + "link", mailer + "list", module + "/examples/internal"}},
		{"examples/mailer/internal/journal", []string{module + "/internal", module + "/envelope"}},
		{"examples/mailer/internal/report", []string{module + "/examples/internal", mailer + "journal"}},
		{"examples/mailer/internal/channel", with(sealing, module+"/examples/internal")},
		{"examples/mailer/internal/carrier", []string{module + "/envelope", transport + "smtp", transport + "ses"}},
		{"examples/mailer/internal/returned", []string{module + "/internal", module + "/envelope", transport + "bounce", transport + "imap", mailer + "journal"}},
		{"examples/mailer/internal/sample", with(formats, "codeberg.org/go-pdf/fpdf")},
		{"examples/mailer/internal/sink", []string{aws, "github.com/emersion", module + "/internal"}},
		{"examples/mailer/internal/batch", with(sealing, "golang.org/x/time/rate", transport+"link", transport+"smtp", module+"/examples/internal",
			mailer+"list", mailer+"letter", mailer+"journal", mailer+"channel", mailer+"carrier")},
		{"examples/page/internal/opening", with(formats, transport+"link")},
		{"examples/internal", []string{"golang.org/x/sys", "github.com/rivo/uniseg"}},
	}
}

// What stands beside the library holds to its arrows as the library does.
func TestArrowsBeside(t *testing.T) {
	for _, module := range []string{"transport", "examples"} {
		for pkg, imports := range imports(t, filepath.Join(root(t), module)) {
			l, ok := in(besideLayers(), pkg)
			if !ok && (module == "transport" || strings.Contains(pkg, "/mailer/internal/")) {
				t.Errorf("%s is in no layer", pkg)
			}
			if !ok {
				continue // a program
			}
			for _, wrong := range l.wrong(imports) {
				t.Errorf("%s may not import %s", pkg, wrong)
			}
		}
	}
}

// Who seals and sends no mail by Amazon's services has nothing of them: not in
// what a program links, and the library not even among its requirements.
func TestAmazonStaysOutside(t *testing.T) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	require.NoError(t, err)
	var mod struct{ Require []struct{ Path string } }
	require.NoError(t, json.Unmarshal(out, &mod))
	require.NotEmpty(t, mod.Require)
	for _, r := range mod.Require {
		require.False(t, under(r.Path, "github.com/aws"), r.Path)
	}
	links := func(dir, pkg string) bool {
		return slices.ContainsFunc(list(t, filepath.Join(root(t), dir), "-deps", pkg), func(d string) bool { return under(d, "github.com/aws") })
	}
	for _, pkg := range []string{"./link", "./smtp", "./imap", "./bounce", "./ldap", "./ringsql"} {
		require.False(t, links("transport", pkg), pkg)
	}
	for _, pkg := range []string{"./box", "./page/internal/opening", "./mailer/internal/journal", "./mailer/internal/list", "./mailer/internal/letter", "./mailer/internal/report", "./mailer/internal/channel"} {
		require.False(t, links("examples", pkg), pkg)
	}
	require.True(t, links("transport", "./ses"), "the list is read wrongly")
}

// A locked box is something that a mail can carry, and knows of no mail.
func TestBoxKnowsNoMail(t *testing.T) {
	const box, mail = module + "/envelope/zipbox", module + "/envelope/mail"
	require.NotContains(t, list(t, root(t), "-deps", "./envelope/zipbox"), mail)
	require.Contains(t, list(t, root(t), "-deps", "./envelope/mail"), box)
}
