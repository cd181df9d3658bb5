package link

import "strings"

// maxText is how long a text may be in which a link is looked for, in octets:
// longer than the body of most mails, and nothing that takes long.
const maxText = 1 << 20

// maxPieces is into how many lines a link may be broken beside the first: those
// of the longest that are 40 characters wide.
const maxPieces = 2 * maxURL / 40

// maxJoined is how many lines are joined in a whole text: some links, each broken
// as often as may be. A text in which everything looks like the begin of a broken
// link would cost hours.
const maxJoined = 8 * maxPieces

// scheme begins what may be a link.
const scheme = "https://"

// Parse returns the one link that text holds. Text is what [Link.String]
// returned, its first line alone, what [Link.OnPage] returned, or the body of a
// mail with one of them in it: also quoted with "> ", between angle brackets,
// with a full stop behind it, or broken into lines. Other URLs are passed over,
// and so are the words below the link's line, which are for people.
//
// Errors wrap ErrFormat. A text with two different links is one: nobody can know
// which is meant. No URL is in an error.
func Parse(text string) (Link, error) {
	if len(text) > maxText {
		return Link{}, badf("the text has more than %d octets", maxText)
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(strings.TrimLeft(line, "> "))
	}
	var found *Link
	var wrong error
	joined := 0
	for i, line := range lines {
		for at := strings.Index(line, scheme); at >= 0; at = next(line, at) {
			switch l, err := read(line[at:], lines[i+1:], &joined); {
			case l == nil && wrong == nil:
				wrong = err // nil where it is another URL
			case l == nil:
			case found != nil && *found != *l:
				return Link{}, badf("the text holds two different ones")
			default:
				found = l
			}
		}
	}
	switch {
	case wrong != nil:
		return Link{}, wrong
	case found == nil:
		return Link{}, badf("none is in the text")
	}
	return *found, nil
}

// next returns where the URL begins that is behind the one at octet at of line;
// -1 where none is.
func next(line string, at int) int {
	url, _ := leading(line[at:])
	at += len(url)
	if i := strings.Index(line[at:], scheme); i >= 0 {
		return at + i
	}
	return -1
}

// read reads the link that begins line, with what was broken off it to the
// lines below, and adds to joined how many those were. It returns nil and no error
// where line is a URL of another kind.
func read(line string, below []string, joined *int) (*Link, error) {
	url, whole := leading(line)
	for n := 0; ; n++ {
		l, err := readURL(url)
		if l != nil {
			return l, nil
		}
		// Whatever does not parse may go on in the next line, where that is
		// nothing but characters of a URL. The check at a link's end says when
		// it is whole.
		if !whole || n == maxPieces || *joined == maxJoined || n == len(below) || below[n] == "" || strings.HasPrefix(below[n], scheme) || len(url)+len(below[n]) > 3*maxURL {
			return nil, err
		}
		*joined++
		more, all := leading(below[n])
		url, whole = url+more, all
	}
}

// leading returns the characters of a URL that line begins with, and whether
// those are all of it.
func leading(line string) (url string, whole bool) {
	i := strings.IndexFunc(line, func(r rune) bool { return !isURL(r) })
	if i < 0 {
		return line, true
	}
	return line[:i], false
}

// readURL reads a URL with a link behind its "#". It returns nil and no error
// where nothing of a link is there.
func readURL(url string) (*Link, error) {
	url = strings.TrimRight(url, ".,;:!?)'") // of the sentence around it
	before, fragment, _ := strings.Cut(url, "#")
	if !strings.HasPrefix(fragment, version+".") {
		// What was pre-signed is meant to be a link, and has lost its end.
		if strings.Contains(before, "X-Amz-Signature=") {
			return nil, badf("what is behind the # is missing: copy the whole line")
		}
		return nil, nil
	}
	l, err := parseFragment(fragment, before)
	if err != nil {
		return nil, err
	}
	return &l, nil
}
