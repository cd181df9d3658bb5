//go:build js && wasm

// Command wasm is what the page runs in a worker: package opening, and functions
// by which the page's script calls it.
//
// Each is a method of globalThis.box and returns an object, in which error is a
// code of package opening where it failed. No secret goes back.
package main

import (
	"bytes"
	"errors"
	"io"
	"syscall/js"
	"time"

	"github.com/doublekeybox/doublekeybox/examples/page/internal/opening"
)

// page is what is open. The worker answers one call after the other.
type page struct {
	box    *opening.Box
	opened *opening.Opened
	reader io.ReadCloser // of the file that is being read
}

func main() {
	p := &page{}
	box := js.Global().Get("Object").New()
	for name, f := range map[string]func(args []js.Value) (map[string]any, error){
		"start":    p.start,
		"write":    p.write,
		"complete": p.complete,
		"open":     p.open,
		"read":     p.read,
	} {
		box.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return answer(f(args)) }))
	}
	js.Global().Set("box", box)
	select {}
}

// answer is what the script gets.
func answer(out map[string]any, err error) any {
	if err == nil {
		return js.ValueOf(out)
	}
	code := opening.Other
	var e *opening.Error
	if errors.As(err, &e) {
		code = e.Code
	}
	return js.ValueOf(map[string]any{"error": string(code), "detail": err.Error()})
}

// start takes the fragment of the page's address, or "". Seconds are since 1970.
func (p *page) start(args []js.Value) (map[string]any, error) {
	box, err := opening.New(args[0].String())
	if err != nil {
		return nil, err
	}
	p.box = box
	l, ok := box.Link()
	if !ok {
		return map[string]any{}, nil
	}
	out := map[string]any{"url": l.URL, "size": float64(l.Size), "expires": float64(l.Expires.Unix())}
	if err := box.Alive(time.Now()); err != nil {
		out["expired"] = true
	}
	return out, nil
}

// write takes the next octets of the file, a Uint8Array; null forgets what came
// before.
func (p *page) write(args []js.Value) (map[string]any, error) {
	if args[0].IsNull() {
		p.box.Clear()
		return map[string]any{}, nil
	}
	_, err := p.box.Write(octets(args[0]))
	return map[string]any{}, err
}

func octets(v js.Value) []byte {
	b := make([]byte, v.Length())
	js.CopyBytesToGo(b, v)
	return b
}

// complete checks the file.
func (p *page) complete([]js.Value) (map[string]any, error) {
	k, err := p.box.Complete()
	return map[string]any{"format": k.Format, "passphrase": k.Passphrase, "key": k.Key}, err
}

// open takes a passphrase, a file of keys (a Uint8Array or null) and the
// passphrase of that.
func (p *page) open(args []js.Value) (map[string]any, error) {
	s := opening.Secrets{Passphrase: args[0].String(), KeyPassphrase: args[2].String()}
	if !args[1].IsNull() {
		s.Key = octets(args[1])
		defer clear(s.Key)
	}
	o, err := p.box.Open(s)
	if err != nil {
		return nil, err
	}
	p.opened = o
	files := make([]any, len(o.Files))
	for i, f := range o.Files {
		files[i] = map[string]any{"name": f.Name, "size": float64(f.Size)}
	}
	notes := make([]any, len(o.Notes))
	for i, n := range o.Notes {
		notes[i] = n
	}
	return map[string]any{"files": files, "notes": notes}, nil
}

// piece is how much of a file goes to the script at once.
const piece = 4 << 20

// read takes the number of a file and returns its next octets, none at its end.
func (p *page) read(args []js.Value) (map[string]any, error) {
	if p.reader == nil {
		p.reader = p.opened.Files[args[0].Int()].Open()
	}
	var b bytes.Buffer
	b.Grow(piece + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(p.reader, piece))
	if err != nil || b.Len() == 0 {
		p.reader.Close()
		p.reader = nil
	}
	if err != nil {
		return nil, err
	}
	to := js.Global().Get("Uint8Array").New(b.Len())
	js.CopyBytesToJS(to, b.Bytes())
	return map[string]any{"octets": to}, nil
}
