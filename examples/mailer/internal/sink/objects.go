package sink

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// Store says what an object store accepts. The access key, its secret and the
// bucket have to be there.
type Store struct {
	AccessKey, Secret string
	Region            string // "": us-east-1
	Bucket            string

	// Now is the time by which links expire; nil: time.Now.
	Now func() time.Time
}

// ObjectServer keeps objects as S3 does, by path (/BUCKET/NAME): PutObject with
// If-None-Match, a SHA-256 checksum and server-side encryption, which it truly
// does, with AES-256 under a key of this process; GetObject by header or by a
// pre-signed link. Whoever comes has to have signed (Signature Version 4), and
// a link works until it expires. There is nothing else. Close must be called.
type ObjectServer struct {
	URL       string // "https://127.0.0.1:PORT"
	Authority []byte // its certificate, which is its own authority, as PEM
	store     Store
	server    *http.Server
	done      sync.WaitGroup
	mu        sync.Mutex
	objects   map[string]*object
}

type object struct {
	kept   *reread.Source
	kind   string
	shown  string // Content-Disposition
	sum    [sha256.Size]byte
	change time.Time
}

// largestObject is as S3 has it for one request: 5 GiB.
const largestObject = 5 << 30

// Listen starts a server on a free port of the loopback address.
func (s Store) Listen() (*ObjectServer, error) {
	if s.AccessKey == "" || s.Secret == "" || s.Bucket == "" {
		return nil, errors.New("sink: a store needs an access key, its secret and the name of a bucket")
	}
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	l, certificate, err := listen()
	if err != nil {
		return nil, err
	}
	o := &ObjectServer{URL: "https://" + l.Addr().String(), Authority: toPEM(certificate), store: s, objects: map[string]*object{}}
	o.server = &http.Server{
		Handler:           o,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	o.done.Go(func() {
		_ = o.server.Serve(l) // which ends at Close
	})
	return o, nil
}

// Close ends the server, and forgets its objects.
func (o *ObjectServer) Close() error {
	err := o.server.Close()
	o.done.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, x := range o.objects {
		err = errors.Join(err, x.kept.Close())
		delete(o.objects, name)
	}
	return err
}

// Names returns the names of all objects.
func (o *ObjectServer) Names() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name := range o.objects {
		names = append(names, name)
	}
	return names
}

// problem is an answer in the form of S3.
type problem struct {
	status  int
	code    string
	message string
}

func (p *problem) Error() string { return p.code + ": " + p.message }

func denied(message string) error {
	return &problem{status: http.StatusForbidden, code: "AccessDenied", message: message}
}

// ServeHTTP answers one request.
func (o *ObjectServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := o.answer(w, r)
	if err == nil {
		return
	}
	var p *problem
	if !errors.As(err, &p) {
		p = &problem{status: http.StatusInternalServerError, code: "InternalError", message: "the request failed"}
	}
	body, _ := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: p.code, Message: p.message})
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(p.status)
	_, _ = fmt.Fprintf(w, "%s%s", xml.Header, body)
}

func (o *ObjectServer) answer(w http.ResponseWriter, r *http.Request) error {
	credentials := aws.Credentials{AccessKeyID: o.store.AccessKey, SecretAccessKey: o.store.Secret}
	if err := authorize(r, credentials, o.store.Region, o.store.Now()); err != nil {
		return err
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+o.store.Bucket+"/")
	if !ok || name == "" {
		return &problem{status: http.StatusNotFound, code: "NoSuchBucket", message: "there is one bucket"}
	}
	switch r.Method {
	case http.MethodPut:
		return o.put(w, r, name)
	case http.MethodGet, http.MethodHead:
		return o.get(w, r, name)
	}
	return &problem{status: http.StatusMethodNotAllowed, code: "MethodNotAllowed", message: "PUT, GET and HEAD"}
}

func (o *ObjectServer) put(w http.ResponseWriter, r *http.Request, name string) error {
	if r.ContentLength < 0 || r.ContentLength > largestObject || strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return &problem{status: http.StatusLengthRequired, code: "MissingContentLength", message: "one part of a known length, at most 5 GiB"}
	}
	sum := sha256.New()
	kept, err := reread.Hold(io.TeeReader(r.Body, sum), reread.Options{Memory: 1 << 20, Max: largestObject})
	if err != nil {
		return err
	}
	if err := checkSums(r, sum); err != nil {
		_ = kept.Close()
		return err
	}
	x := &object{kept: kept, kind: r.Header.Get("Content-Type"), shown: r.Header.Get("Content-Disposition"), change: o.store.Now()}
	sum.Sum(x.sum[:0])
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.objects[name]; old != nil {
		if r.Header.Get("If-None-Match") == "*" {
			_ = kept.Close()
			return &problem{status: http.StatusPreconditionFailed, code: "PreconditionFailed", message: "there is an object of that name"}
		}
		_ = old.kept.Close()
	}
	o.objects[name] = x
	// Every object is encrypted, whether that was asked for or not.
	w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(x.sum[:]))
	w.Header().Set("ETag", `"`+hex.EncodeToString(x.sum[:16])+`"`)
	return nil
}

// checkSums compares what came with what the client said of it.
func checkSums(r *http.Request, sum hash.Hash) error {
	got := sum.Sum(nil)
	if want := r.Header.Get("X-Amz-Checksum-Sha256"); want != "" && want != base64.StdEncoding.EncodeToString(got) {
		return &problem{status: http.StatusBadRequest, code: "BadDigest", message: "the object is not the one that the checksum is of"}
	}
	if want := r.Header.Get("X-Amz-Content-Sha256"); want != unsigned && want != hex.EncodeToString(got) {
		return &problem{status: http.StatusBadRequest, code: "XAmzContentSHA256Mismatch", message: "the object is not the one that was signed"}
	}
	return nil
}

func (o *ObjectServer) get(w http.ResponseWriter, r *http.Request, name string) error {
	o.mu.Lock()
	x := o.objects[name]
	o.mu.Unlock()
	if x == nil {
		return &problem{status: http.StatusNotFound, code: "NoSuchKey", message: "there is no object of that name"}
	}
	w.Header().Set("Content-Type", x.kind)
	w.Header().Set("Content-Disposition", x.shown)
	w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	http.ServeContent(w, r, "", x.change, io.NewSectionReader(x.kept, 0, x.kept.Size()))
	return nil
}

// Lose removes an object, as if its lifetime in the bucket had ended.
func (o *ObjectServer) Lose(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x := o.objects[name]; x != nil {
		_ = x.kept.Close()
		delete(o.objects, name)
	}
}

// Replace puts other octets in the place of an object, without asking anybody.
func (o *ObjectServer) Replace(name string, with io.Reader) error {
	kept, err := reread.Hold(with, reread.Options{Memory: 1 << 20})
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.objects[name]
	if x == nil {
		_ = kept.Close()
		return fmt.Errorf("sink: there is no object %q", name)
	}
	_ = x.kept.Close()
	o.objects[name] = &object{kept: kept, kind: x.kind, shown: x.shown, change: o.store.Now()}
	return nil
}
