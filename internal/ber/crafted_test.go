package ber_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// crafted returns the hostile BER files of the vectors by their names in the
// manifest, or nil where there are none.
func crafted(t testing.TB) map[string][]byte {
	t.Helper()
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		return nil
	}
	var manifest []struct {
		File string
		Size int
	}
	raw, err := os.ReadFile(filepath.Join(root, "crafted", "MANIFEST.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &manifest))
	files := make(map[string][]byte)
	for _, entry := range manifest {
		name, ok := strings.CutPrefix(entry.File, "ber/")
		if !ok {
			continue
		}
		path := filepath.Join(root, "crafted", "ber", name)
		content, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			content = gunzip(t, path+".gz")
		} else {
			require.NoError(t, err)
		}
		require.Len(t, content, entry.Size, name)
		files[name] = content
	}
	require.NotEmpty(t, files)
	return files
}

func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	content, err := io.ReadAll(z)
	require.NoError(t, err)
	return content
}

// What becomes of each file as DER: part of the error, or "" where it is good
// BER (and what is wrong with it is for the reader of CMS to say).
var craftedDER = map[string]string{
	"tiny_1f80.ber":                       "tag number above 30",
	"tiny_1f05.ber":                       "tag number above 30",
	"tiny_3081.ber":                       "cut off",
	"tiny_308401.ber":                     "cut off",
	"tiny_308206.ber":                     "cut off",
	"tiny_5f4d.ber":                       "tag number above 30",
	"tiny_30.ber":                         "cut off",
	"tiny_3080.ber":                       "cut off",
	"tiny_308000.ber":                     "cut off",
	"tiny_30800000.ber":                   "",
	"tiny_a080.ber":                       "cut off",
	"tiny_24800000.ber":                   "",
	"tiny_ff.ber":                         "tag number above 30",
	"tiny_bf8f8f8f8f8f8f.ber":             "tag number above 30",
	"nest_indef_64.ber":                   "nesting depth exceeds",
	"nest_octet_indef_64.ber":             "nesting depth exceeds",
	"nest_indef_65.ber":                   "nesting depth exceeds",
	"nest_octet_indef_65.ber":             "nesting depth exceeds",
	"nest_indef_1000.ber":                 "nesting depth exceeds",
	"nest_octet_indef_1000.ber":           "nesting depth exceeds",
	"nest_indef_10000.ber":                "nesting depth exceeds",
	"nest_octet_indef_10000.ber":          "nesting depth exceeds",
	"nest_indef_100000.ber":               "nesting depth exceeds",
	"nest_octet_indef_100000.ber":         "nesting depth exceeds",
	"nest_def_64.der":                     "nesting depth exceeds",
	"nest_def_1000.der":                   "nesting depth exceeds",
	"nest_def_3000.der":                   "nesting depth exceeds",
	"len_2gib.der":                        "element exceeds",
	"len_16eib.der":                       "length above 2^62",
	"len_9bytes.der":                      "length of 9 octets",
	"len_nonminimal.der":                  "",
	"len_126octets.der":                   "length of 126 octets",
	"len_ff.der":                          "length of 127 octets",
	"oid_1mib.der":                        "object identifier exceeds",
	"oid_arc_wrap32.der":                  "",
	"oid_arc_pad.der":                     "padded arc",
	"eoc_in_definite.der":                 "no indefinite length is open",
	"indef_no_eoc.ber":                    "cut off",
	"primitive_indef.ber":                 "indefinite length of a primitive",
	"octet_many_1byte.ber":                "",
	"octet_zero_segments.ber":             "",
	"contentinfo_enveloped_truncated.ber": "cut off",
	"contentinfo_no_content.der":          "",
	"signed_zero_signers.der":             "",
	"enveloped_zero_recipients.der":       "",
	"enveloped_no_content.der":            "",
}

func TestCrafted(t *testing.T) {
	files := crafted(t)
	if files == nil {
		t.Skip("DKB_VECTORS is not set: no hostile files to read")
	}
	for name := range craftedDER {
		require.Contains(t, files, name)
	}
	for name, raw := range files {
		t.Run(name, func(t *testing.T) {
			why, known := craftedDER[name]
			require.True(t, known, "what is expected of this file?")
			ways := map[string]func(*ber.Reader) error{
				"DER":     func(r *ber.Reader) error { _, err := r.DER(2 << 20); return err },
				"Element": func(r *ber.Reader) error { _, err := r.Element(2 << 20); return err },
				"Skip":    (*ber.Reader).Skip,
				"Octets": func(r *ber.Reader) error {
					h, _, err := r.Peek()
					if err != nil {
						return err
					}
					o, err := r.Octets(h.Tag)
					if err != nil {
						return err
					}
					_, err = io.Copy(io.Discard, o)
					return err
				},
			}
			for way, read := range ways {
				src := &countingReader{r: bytes.NewReader(raw)}
				var err error
				allocated := allocates(func() { err = read(ber.NewReader(src)) })
				require.Less(t, allocated, uint64(256<<10+8*len(raw)), way)
				require.LessOrEqual(t, src.n, len(raw)/(60<<10)+3, way)
				if way == "DER" {
					if why == "" {
						require.NoError(t, err)
					} else {
						require.ErrorContains(t, err, why)
					}
				}
				slow := read(ber.NewReader(iotest.OneByteReader(bytes.NewReader(raw))))
				require.Equal(t, err, slow, "%s: read octet by octet", way)
			}
			if der, err := ber.ToDER(raw, 2<<20); err == nil {
				parseDER(t, der)
			}
		})
	}
}

// allocates returns the octets that f allocates.
func allocates(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A declared length allocates nothing by itself, whoever believes it.
func TestDeclaredLengthAllocatesNothing(t *testing.T) {
	raw := unhex(t, "30 84 40 00 00 00 04 84 3f 00 00 00 61")
	const most = 1<<31 - 1
	for name, read := range map[string]func(*ber.Reader) error{
		"DER":     func(r *ber.Reader) error { _, err := r.DER(most); return err },
		"Element": func(r *ber.Reader) error { _, err := r.Element(most); return err },
		"Skip":    (*ber.Reader).Skip,
		"Primitive": func(r *ber.Reader) error {
			if err := r.Enter(asn1.SEQUENCE); err != nil {
				return err
			}
			_, err := r.Primitive(asn1.OCTET_STRING, most)
			return err
		},
	} {
		var err error
		allocated := allocates(func() { err = read(ber.NewReader(bytes.NewReader(raw))) })
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		require.Less(t, allocated, uint64(128<<10), name)
	}
}
