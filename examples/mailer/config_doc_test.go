package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSettingsAreExplained holds what people read against what the program
// reads, both ways.
func TestSettingsAreExplained(t *testing.T) {
	t.Parallel()
	var read []string
	var walk func(reflect.Type, string)
	walk = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map {
			t, path = t.Elem(), path+"*."
		}
		if t.Kind() != reflect.Struct {
			return
		}
		names, types := fieldsOf(t)
		for i, name := range names {
			read = append(read, path+name)
			walk(types[i], path+name+".")
		}
	}
	walk(reflect.TypeFor[config](), "")
	var explained []string
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, s := range settings() {
		explained = append(explained, s.name)
		require.NotEmpty(t, s.text)
		require.Contains(t, string(page), "| `"+s.name+"` | "+strings.ReplaceAll(s.text, "|", `\|`)+" |\n")
	}
	require.ElementsMatch(t, read, explained)
}

// TestExampleConfigIsOne reads the example as send does.
func TestExampleConfigIsOne(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "mailer.json")
	require.NoError(t, os.WriteFile(name, exampleConfig, 0o600))
	c, err := readConfig(name)
	require.NoError(t, err)
	require.NotNil(t, c.SMTP)

	wrong := strings.Replace(string(exampleConfig), `"lifetime"`, `"lifetimes"`, 1)
	require.NoError(t, os.WriteFile(name, []byte(wrong), 0o600))
	_, err = readConfig(name)
	require.ErrorContains(t, err, `"lifetime" is meant?`)
}
