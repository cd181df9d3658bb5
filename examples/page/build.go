package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	examplesModule = "github.com/doublekeybox/doublekeybox/examples"
	program        = examplesModule + "/page/wasm"
)

// toolchain is the Go that compiles the page.
type toolchain struct {
	version string // "go1.26.8"
	root    string // of Go
	module  string // the directory of the examples
}

// findToolchain asks the go command.
func findToolchain() (*toolchain, error) {
	out, err := command(".", "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	dir, err := command(".", "list", "-m", "-f", "{{.Dir}}", examplesModule)
	if err != nil {
		return nil, err
	}
	if len(lines) != 2 {
		return nil, errors.New("page: go env does not say which Go this is")
	}
	return &toolchain{version: strings.TrimSpace(lines[0]), root: strings.TrimSpace(lines[1]), module: strings.TrimSpace(string(dir))}, nil
}

// command runs the go command in a directory. Settings of the machine that would
// change what it makes are not passed on.
func command(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = os.Environ()
	if dir != "." {
		cmd.Env = append(cmd.Env, "GOOS=js", "GOARCH=wasm", "GOWORK=off", "GOENV=off", "CGO_ENABLED=0",
			"GOFLAGS=-mod=readonly", "GOWASM=", "GOEXPERIMENT=", "GOFIPS140=off", "GODEBUG=")
		for _, name := range []string{"GOPROXY", "GOSUMDB", "GOMODCACHE", "GOCACHE", "GOPATH"} { // GOENV=off would lose them
			if v, err := exec.Command("go", "env", name).Output(); err == nil {
				cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(v)))
			}
		}
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("page: go %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// page compiles the program and puts the page together.
func (t *toolchain) page() ([]byte, error) {
	temp, err := os.MkdirTemp("", "page-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "page.wasm")
	// -trimpath, and neither build ID nor the state of a repository: nothing of
	// this machine is in the program.
	if _, err := command(t.module, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file, program); err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	// It belongs to the compiler: another version's would not fit.
	glue, err := os.ReadFile(filepath.Join(t.root, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, err
	}
	licences, err := t.licences()
	if err != nil {
		return nil, err
	}
	return assemble(parts{wasm: wasm, glue: string(glue), licences: licences})
}

// licences returns the licences of everything that is in the program, which ask
// to go where it goes.
func (t *toolchain) licences() (string, error) {
	out, err := command(t.module, "list", "-deps", "-json=Module,Standard", program)
	if err != nil {
		return "", err
	}
	type module struct{ Path, Dir string }
	dirs := map[string]string{"Go": t.root}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ Module *module }
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return "", err
		}
		if p.Module != nil && p.Module.Path != examplesModule && !strings.HasSuffix(p.Module.Path, "/transport") {
			dirs[p.Module.Path] = p.Module.Dir
		}
	}
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(dirs)) {
		text, err := os.ReadFile(filepath.Join(dirs[n], "LICENSE"))
		if err != nil {
			return "", fmt.Errorf("page: the licence of %s: %w", n, err)
		}
		fmt.Fprintf(&b, "%s\n\n%s\n\n", n, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return strings.TrimSpace(b.String()), nil
}
