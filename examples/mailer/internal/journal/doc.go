// Package journal keeps what a run of the mailer did, so that nobody is sent the
// same mail twice, nobody is forgotten, and one can prove afterwards what went
// where.
//
// A journal is a text of lines, each a JSON object (RFC 8259) that ends in a line
// feed. Lines are added and never changed. Append returns when what it was given
// will be there after a power cut, so that a mailer writes that it begins a mail,
// waits, and only then begins it.
//
// # The chain
//
// The last two members of every line are "prev" and "hash", 64 hexadecimal
// digits each. The hash is the SHA-256 of the line's octets without its line feed
// and without the member "hash" and the comma before it; prev is the hash of the
// line before, or 64 times "0" in the first. So none can be edited, left out,
// repeated, added or moved without all the hashes after it changing, and whoever
// knows the last one (a signature over it is the proof) knows the whole. By hand,
// for line 5:
//
//	sed -n 5p journal.jsonl | sed 's/,"hash":"[0-9a-f]*"}$/}/' | tr -d '\n' | sha256sum
//	sed -n 5p journal.jsonl | jq -r .hash
//	sed -n 6p journal.jsonl | jq -r .prev
//
// print the same digits three times; and for all lines, in silence where it holds:
//
//	prev=$(printf '%064d' 0)
//	while IFS= read -r line; do
//	  test "$(printf %s "$line" | jq -r .prev)" = "$prev" || echo "no chain: $line"
//	  prev=$(printf %s "$line" | sed 's/,"hash":"[0-9a-f]*"}$/}/' | sha256sum | cut -c1-64)
//	  test "$(printf %s "$line" | jq -r .hash)" = "$prev" || echo "damaged: $line"
//	done <journal.jsonl
//
// The chain does not keep its writer from writing another one, or from cutting
// off its end. For that Sign signs the last line, and with it all that are before
// it: journal-301.sig, beside journal.jsonl, is a detached signature over line 301
// with its line feed. Whoever was sent that file knows what the 301 lines were:
//
//	sed -n 301p journal.jsonl | gpg --verify journal-301.sig -
//	sed -n 301p journal.jsonl | openssl cms -verify -binary -inform PEM -in journal-301.sig -content /dev/stdin -CAfile ca.pem
//
// # After a crash
//
// A last line without its line feed was being written when everything stopped.
// Append had not returned, nobody acted on it, and Open cuts it off. Every other
// difference from what was written is a *DamageError that names the line, and
// nothing is repaired.
//
// A journal that was put back from a backup is a whole chain, too, and knows
// nothing of what was sent since the backup was made. Open and Verify refuse one
// that has fewer lines than a signature beside it is over. Where the signatures
// were put back as well, or the folder was copied and both copies are used,
// nothing here can tell, and mail goes out twice: a run has one folder, and that
// is not put back.
//
// # What the rows may do
//
// A row of the list goes through few states, and both Append and whoever reads
// refuse a record that does not follow from the state of its row, so that a
// mistake in the program that sends cannot become a mail that is sent twice:
//
//	waiting --begun--> begun --sent-----> sent
//	                         --failed---> failed
//	                         --deferred-> deferred --begun--> ...
//	                         --unknown--> in doubt --settled-> sent, or waiting
//	begun when the program was killed ->  in doubt
package journal
