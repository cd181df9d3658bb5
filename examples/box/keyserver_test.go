package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyserver FILE: $KEYSERVER is a key server that has what is in FILE at the
// time of asking, whoever is asked for, and nothing where FILE is not there.
// Its authority is in ca.pem. It ends with the script.
func keyserver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keyserver FILE")
	}
	file := ts.MkAbs(args[0])
	var mu sync.Mutex
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, err := os.ReadFile(file)
		if err != nil || r.URL.Path != "/pks/lookup" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/pgp-keys")
		w.Write(b)
	}))
	ts.Defer(s.Close)
	ts.Setenv("KEYSERVER", s.URL)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca, 0o600))
}
