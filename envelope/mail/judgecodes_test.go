package mail

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCodes: every code that a Summary can have is documented.
func TestCodes(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("message.go")
	require.NoError(t, err)
	_, doc, ok := strings.Cut(string(source), "// Finding is something")
	require.True(t, ok)
	doc, _, ok = strings.Cut(doc, "type Finding struct")
	require.True(t, ok)
	given := regexp.MustCompile(`(?:found|foundAt)\("([a-z-]+)"|Code: "([a-z-]+)"|code :?= "([a-z-]+)"|"(from-[a-z]+)"`)
	codes := make(map[string]bool)
	for _, pattern := range []string{"judge*.go", "from.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			code, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range given.FindAllStringSubmatch(string(code), -1) {
				codes[strings.Join(m[1:], "")] = true
			}
		}
	}
	require.Greater(t, len(codes), 30)
	for code := range codes {
		require.Regexp(t, `\b`+code+`\b`, doc)
	}
}
