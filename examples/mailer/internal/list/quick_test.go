package list

import (
	"os"
	"path/filepath"
	"testing"
)

func TestQuick(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.csv":  "\xEF\xBB\xBFname;address;documents;delivery;language;policy\nBob;bob@Example.org;a.pdf|b.pdf;zip;de;17\nEve;eve@example.org;../a.pdf;zpi;xx1;3\nBob;Bob@example.org;b.pdf;zip;de;\n\"Bo",
		"a.json": "[\n{\"name\":\"Bob\",\"address\":\"bob@example.org\",\"documents\":[\"a.pdf\"],\"delivery\":\"link\",\"language\":\"en\"},\n {\"name\":\"Bob\",\"adress\":\"x\"}]",
		"b.json": "{\"name\":\"Bob\",\"address\":\"bob@example.org\",\"documents\":\"a.pdf\",\"delivery\":\"link\",\"language\":\"en\"}\n\n{\"name\":1}\n",
		"b.csv":  "name,adress,documents,delivery\n",
	} {
		p := filepath.Join(dir, name)
		os.WriteFile(p, []byte(text), 0o600)
		l, err := Open(p)
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range l.All() {
			t.Log(name, e, err)
		}
		l.Close()
	}
}
