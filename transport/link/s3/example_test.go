package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/transport/link"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// Documents are locked, stored, and fetched by the link.
func ExampleStore_Put() {
	server := httptest.NewTLSServer(&stub{objects: map[string][]byte{}}) // https://s3.eu-central-1.amazonaws.com
	defer server.Close()
	client := awss3.New(awss3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "eu-central-1", HTTPClient: server.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { // config.LoadDefaultConfig
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "…", CanExpire: true, Expires: time.Now().Add(12 * time.Hour)}, nil
		}),
	})
	store := &s3.Store{Client: client, Bucket: "drop"}

	// Links die with what signed them. It is known before a run is begun.
	err := store.Check(context.Background(), 24*time.Hour)
	_, short := errors.AsType[*s3.LifetimeError](err)
	fmt.Println("a day:", !short)

	var box bytes.Buffer
	p := envelope.NewPassphrase() // told by another way
	w, err := zipbox.Lock(&box, p)
	if err != nil {
		panic(err)
	}
	defer w.Abort()
	f, err := w.Create("statement.pdf", time.Now())
	if err != nil {
		panic(err)
	}
	if _, err := io.WriteString(f, "you owe us nothing"); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	l, err := store.Put(context.Background(), bytes.NewReader(box.Bytes()), int64(box.Len()), 10*time.Hour)
	if err != nil {
		panic(err)
	}
	// fmt.Print(l) is what belongs into the mail.
	fmt.Println(l.Name, len(path.Base(l.Object())), "characters")

	var dst link.Memory
	err = link.Fetch(context.Background(), server.Client(), l, &dst)
	fmt.Println("fetched:", bytes.Equal(dst.Bytes(), box.Bytes()), err)
	// Output:
	// a day: false
	// documents.zip 32 characters
	// fetched: true <nil>
}
