// Package zipbox is the single-key box for people who have no key: an archive
// that a passphrase opens, in the form that 7-Zip, Keka, WinZip, bsdtar and
// zip.js read (WinZip's AE-2 with AES-256). The file managers of Windows and
// macOS do not open it.
//
//	p := envelope.NewPassphrase() // for this recipient alone, told by another way; NewPassphraseOf makes words or digits
//	w, err := zipbox.Lock(dst, p)
//	if err != nil {
//		return err
//	}
//	defer w.Abort()
//	f, err := w.Create("statement.pdf", time.Now())
//	...
//	return w.Close()
//
// Such an archive hides the content of a file and neither its name, size and
// time nor how many there are. So the files are put into a plain archive, and
// that is the one entry of the encrypted one: what is seen from outside is how
// long it is. Whoever opens it with another program unpacks twice.
//
// The format derives its key with 1,000 rounds of PBKDF2, which a graphics card
// does ten million times a second: it protects no passphrase that can be
// guessed. Lock refuses those; see [Locker].Weak and [Estimate].
//
// Opening releases nothing before everything was authenticated; [Opener.OpenInto]
// tells the place that it writes to when that is so. [Inspect] says without a
// passphrase whether a file is such an archive, before it is sent. What other
// programs wrote is read too (AE-1 and AE-2, keys of 128, 192 and 256 bits).
// Nothing but the content of its files is authenticated: their names, sizes and
// times can be changed by whoever carried it, which [Report] says. In what this
// package wrote every octet counts.
package zipbox
