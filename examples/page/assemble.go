package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"strings"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed texts.js
var textsJS string

//go:embed page.js
var pageJS string

//go:embed worker.js
var workerJS string

// parts are what the page is made of besides the files of this directory.
type parts struct {
	wasm     []byte
	glue     string // wasm_exec.js of the same Go
	licences string
}

// assemble puts the page together.
func assemble(p parts) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression) // whose header has no name and no time
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(p.wasm); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	script := unix(textsJS + pageJS)
	worker := unix(p.glue + "\n" + workerJS)
	style := unix(pageCSS)
	for _, s := range []string{script, worker} {
		if low := strings.ToLower(s); strings.Contains(low, "</script") || strings.Contains(low, "<!--") {
			return nil, fmt.Errorf("page: a script holds what would end it")
		}
	}
	return []byte(strings.NewReplacer(
		"{{.Policy}}", policy(script, style),
		"{{.Style}}", style,
		"{{.Licences}}", html.EscapeString(p.licences),
		"{{.Worker}}", worker,
		"{{.Program}}", base64.StdEncoding.EncodeToString(packed.Bytes()),
		"{{.Script}}", script,
	).Replace(unix(pageHTML))), nil
}

// unix is text with line ends of one kind, whatever checked it out: the hashes
// depend on them.
func unix(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// policy is the page's Content-Security-Policy: one script and one style, known
// by their hashes; a worker, whose source is in the page; and requests to servers
// over TLS. Nothing else is fetched, embedded, framed or submitted.
func policy(script, style string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + hashSource(script) + " 'wasm-unsafe-eval'",
		"style-src " + hashSource(style),
		"img-src data:", // the icon that keeps browsers from asking for one
		"worker-src blob:",
		"connect-src https:",
		"base-uri 'none'",
		"form-action 'none'",
	}, "; ")
}

// hashSource is how a policy names what stands between two tags (CSP Level 3,
// Section 2.3.1).
func hashSource(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
