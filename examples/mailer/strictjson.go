package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/examples/internal/nearest"
)

// strictJSON reads one JSON value into v, a pointer to a struct, and refuses
// fields that v does not have, in exactly this spelling, and fields that stand
// twice. encoding/json alone names no field that was meant, takes "FROM" for
// "from", and the last of two.
func strictJSON(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := knownFields(d, reflect.TypeOf(v), ""); err != nil {
		return placed(b, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind the end of the JSON object")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return placed(b, err)
	}
	return nil
}

// placed says in which line a mistake is.
func placed(b []byte, err error) error {
	var offset int64
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
		if kind.Field != "" {
			err = fmt.Errorf("%q is %s, and should be %s", kind.Field, kind.Value, kind.Type)
		}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON is cut off, or there is none")
	default:
		return err
	}
	line := 1 + bytes.Count(b[:min(max(offset-1, 0), int64(len(b)))], []byte("\n"))
	return fmt.Errorf("line %d: %w", line, err)
}

// mostDepth is how many objects may be in each other: the configuration has
// three.
const mostDepth = 16

// knownFields reads a value from d and holds its fields against t.
func knownFields(d *json.Decoder, t reflect.Type, path string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.Count(path, ".")+strings.Count(path, "[") > mostDepth {
		return errors.New("too many objects in each other")
	}
	switch token {
	case json.Delim('['):
		var element reflect.Type
		if t != nil && t.Kind() == reflect.Slice {
			element = t.Elem()
		}
		for d.More() {
			if err := knownFields(d, element, path+"[]"); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	case json.Delim('{'):
		return knownMembers(d, t, path)
	}
	return nil
}

// knownMembers is knownFields within an object.
func knownMembers(d *json.Decoder, t reflect.Type, path string) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		here := strings.TrimPrefix(path+"."+name, ".")
		if seen[name] {
			return fmt.Errorf("%.120q stands there twice", here)
		}
		seen[name] = true
		var field reflect.Type
		switch {
		case t != nil && t.Kind() == reflect.Struct:
			names, types := fieldsOf(t)
			i := slices.Index(names, name)
			if i < 0 {
				return fmt.Errorf("%.120q is no setting: %s", here, meant(name, names))
			}
			field = types[i]
		case t != nil && t.Kind() == reflect.Map:
			field = t.Elem()
		}
		if err := knownFields(d, field, here); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func fieldsOf(t reflect.Type) (names []string, types []reflect.Type) {
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("json"); tag != "" {
			names, types = append(names, tag), append(types, t.Field(i).Type)
		}
	}
	return names, types
}

// meant says which of the names was probably meant.
func meant(name string, names []string) string {
	best := nearest.Name(strings.ToLower(name), names)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, name) }); best == "" && name != "" && i >= 0 {
		best = names[i] // "password" for "password_file"
	}
	if best != "" {
		return fmt.Sprintf("%q is meant?", best)
	}
	return "there are " + strings.Join(names, ", ")
}
