package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
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
	if file != "" {
		if _, err := readSmall("reading the credentials in", c.path(file)); err != nil {
			return nil, err
		}
		options = append(options, awsconfig.WithSharedCredentialsFiles([]string{c.path(file)}), awsconfig.WithSharedConfigFiles(nil))
	}
	found, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	return found.Credentials, nil
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
	return s, nil
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
