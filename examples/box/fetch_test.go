package main

import (
	"crypto/sha256"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/doublekeybox/doublekeybox/transport/link"
)

// linkto FILE: $LINK leads to FILE as it is now, and a mail with it is in
// mail.txt. What the server answers with is what is in FILE when it is asked. It
// ends with the script.
func linkto(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: linkto FILE")
	}
	file := ts.MkAbs(args[0])
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile(file)
		if err != nil || r.URL.Query().Get("X-Amz-Signature") != "0123" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	ts.Defer(s.Close)
	b, err := os.ReadFile(file)
	ts.Check(err)
	l := link.Link{
		URL:     s.URL + "/drop/4711?X-Amz-Expires=3600&X-Amz-Signature=0123",
		Size:    int64(len(b)),
		SHA256:  sha256.Sum256(b),
		Expires: time.Now().Add(time.Hour).Truncate(time.Second),
	}
	ts.Setenv("LINK", l.URL+"#"+l.Fragment())
	ts.Check(os.WriteFile(ts.MkAbs("mail.txt"), []byte("Dear Bob,\n\n"+l.String()+"\nYours\n"), 0o600))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca, 0o600))
	ts.Setenv("SSL_CERT_FILE", ts.MkAbs("ca.pem")) // where Go looks for authorities on Unix
}
