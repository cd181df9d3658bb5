package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
	"github.com/doublekeybox/doublekeybox/transport/ses"
)

// credentials finds who we are to Amazon's services and their like: where the SDK
// looks, in the environment, in the files of its programs, and on the machine; or
// in the profile and the file that the configuration names.
func (c *config) credentials(ctx context.Context, region, profile, file string) (aws.CredentialsProvider, error) {
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(region)}
	if profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(profile))
	}
	// What it says itself would be put between our lines.
	options = append(options, awsconfig.WithLogger(logging.Nop{}))
	if file != "" {
		if _, err := readSmall("reading the credentials in", c.path(file)); err != nil {
			return nil, err
		}
		options = append(options, awsconfig.WithSharedCredentialsFiles([]string{c.path(file)}), awsconfig.WithSharedConfigFiles(nil))
	}
	if file != "" && profile == "" {
		// Without a name a file that lacks it is passed over, and who else this
		// machine may be is asked for.
		options = append(options, awsconfig.WithSharedConfigProfile(defaultProfile))
	}
	found, err := awsconfig.LoadDefaultConfig(ctx, options...)
	var none awsconfig.SharedConfigProfileNotExistError
	switch {
	case errors.As(err, &none) && file != "":
		return nil, failed("reading the credentials in", c.path(file), fmt.Errorf("there is no profile [%s]: name the one that is meant, \"profile\"", cut(none.Profile)))
	case errors.As(err, &none):
		return nil, usagef("there is no profile %s in the files of the aws program: \"profile\" names one, and \"credentials_file\" a file", shown(none.Profile))
	case err != nil:
		return nil, err
	}
	return found.Credentials, nil
}

const defaultProfile = "default" // of those files

// stores is an s3.Store that knows which errors are those of its configuration.
type stores struct{ *s3.Store }

// Put is that of [s3.Store].
func (s stores) Put(ctx context.Context, src io.ReaderAt, size int64, lifetime time.Duration) (link.Link, error) {
	l, err := s.Store.Put(ctx, src, size, lifetime)
	if err != nil && (carrier.Hopeless(err) || errors.Is(err, s3.ErrUnconfirmed) || misconfigured(err)) {
		err = fmt.Errorf("%w: %w", batch.ErrNoStore, err)
	}
	return l, err
}

// misconfigured reports whether a store says so of what somebody has to change
// first: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
func misconfigured(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccountProblem", "AuthorizationHeaderMalformed", "InvalidAccessKeyId", "InvalidBucketName", "NoSuchBucket",
		"PermanentRedirect", "RequestTimeTooSkewed", "SignatureDoesNotMatch":
		return true
	}
	return false
}

// store returns where links lead to.
func (c *config) store(ctx context.Context) (batch.Store, error) {
	o := c.S3
	switch {
	case o.Bucket == "":
		return nil, errors.New(`"s3.bucket" is missing: where are the documents stored that links lead to?`)
	case o.Region == "":
		return nil, errors.New(`"s3.region" is missing: "eu-central-1", and for a store of your own what it calls itself, often "us-east-1"`)
	case o.Lifetime == 0:
		return nil, errors.New(`"s3.lifetime" is missing: how long do links live, at most "7d"?`)
	}
	writes, err := c.credentials(ctx, o.Region, o.Profile, o.CredentialsFile)
	if err != nil {
		return nil, err
	}
	roots, err := c.authorities(o.Authorities)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
	}
	options := awss3.Options{Region: o.Region, Credentials: writes, HTTPClient: &http.Client{Transport: transport}}
	if o.Endpoint != "" {
		options.BaseEndpoint, options.UsePathStyle = aws.String(o.Endpoint), true
	}
	s := &s3.Store{
		Client: awss3.New(options), Bucket: o.Bucket, Prefix: o.Prefix, Formats: []envelope.Format{pgp.Format(), smime.Format()},
		InsecureUnconfirmedEncryption: o.InsecureUnconfirmedEncryption,
	}
	if o.LinksProfile != "" {
		if s.Links, err = c.credentials(ctx, o.Region, o.LinksProfile, o.CredentialsFile); err != nil {
			return nil, err
		}
	}
	return stores{s}, nil
}

// sesCarrier returns what sends by SES.
func (c *config) sesCarrier(ctx context.Context, size func(domain string) int64, path func(messageID, recipient string) (string, error)) (carrier.Carrier, error) {
	o := c.SES
	if o.Region == "" {
		return nil, errors.New(`"ses.region" is missing: "eu-central-1"`)
	}
	who, err := c.credentials(ctx, o.Region, o.Profile, o.CredentialsFile)
	if err != nil {
		return nil, err
	}
	roots, err := c.authorities(o.Authorities)
	if err != nil {
		return nil, err
	}
	return carrier.SES{Client: &ses.Client{
		Region: o.Region, Endpoint: o.Endpoint, Credentials: who, TLS: &tls.Config{RootCAs: roots}, MaxSize: size, ReturnPath: path,
		ConfigurationSet: o.ConfigurationSet,
	}}, nil
}
