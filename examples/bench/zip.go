package main

import "os"

// zip prints how fast an archive is locked with a passphrase, and unlocked,
// beside 7-Zip, both without compressing: AES-256 in the form of WinZip.
func (b *bench) zip(size int64, runs int) error {
	const passphrase = "k8x2-mv9q-7tzr-4hwb-npc3"
	if err := os.WriteFile(b.path("passphrase"), []byte(passphrase+"\n"), 0o600); err != nil {
		return err
	}
	programs := b.installed([]program{
		{"cat", []string{"cat", "IN"}, []string{"cat", "IN"}},
		{
			"7z",
			[]string{"7z", "a", "-tzip", "-mx0", "-mem=AES256", "-p" + passphrase, "-sae", "OUT", "IN"},
			[]string{"7z", "x", "-tzip", "-p" + passphrase, "-so", "IN"},
		},
		{
			"box lock, unlock",
			[]string{b.box, "lock", "--passphrase-file", b.path("passphrase"), "-o", "OUT", "IN"},
			[]string{b.box, "unlock", "--passphrase-file", b.path("passphrase"), "-o", "OUT", "IN"},
		},
	})
	return b.throughput(programs, "7z", func(string) string { return "7z" }, size, runs)
}
