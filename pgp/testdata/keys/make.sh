# Makes the keys beside this file with GnuPG 2.2. Every key has the passphrase
# "fixture"; the faked clock makes the dates independent of the day.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
GNUPGHOME=$(mktemp -d); export GNUPGHOME; chmod 700 "$GNUPGHOME"
echo 's2k-count 65536' > "$GNUPGHOME/gpg-agent.conf" # weak, and quick to test with
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
g() { gpg --batch --yes --quiet --pinentry-mode loopback --passphrase fixture --faked-system-time "${at:-20240101T000000}" "$@"; }
talk() { gpg --no-tty --yes --quiet --pinentry-mode loopback --passphrase fixture --faked-system-time "$at" --command-fd 0 "$@"; }
fpr() { gpg --batch --with-colons --list-keys "$1" | awk -F: '$1=="fpr"{print $10; exit}'; }
save() { g --armor --export "$1" > "$out/$2.pub.asc"; }
secret() { g --armor --export-secret-keys "$1" > "$out/$2.sec.asc"; }
key() { # name primary subkey lifetime
	g --quick-generate-key "$1 <$1@example.org>" "$2" cert,sign "$4"
	[ -z "$3" ] || g --quick-add-key "$(fpr "$1@example.org")" "$3" encr "$4"
	save "$1@example.org" "$1"
}
for bits in 1024 2048 3072 4096; do key "rsa$bits" "rsa$bits" "rsa$bits" never; done
key cv25519 ed25519 cv25519 never
key p256 nistp256 nistp256 never
key p384 nistp384 nistp384 never
key p521 nistp521 nistp521 never
key brainpool brainpoolP256r1 brainpoolP256r1 never
key secp256k1 secp256k1 secp256k1 never
key dsa-elgamal dsa2048 elg2048 never
key sign-only ed25519 '' never
key expired ed25519 cv25519 1y
key expires-2099 ed25519 cv25519 2099-01-01
for n in rsa2048 cv25519 p256 p384 p521 brainpool dsa-elgamal expired; do secret $n@example.org $n; done

revoke() { # name, GnuPG's answer: 0 none, 1 compromised, 2 superseded, 3 no longer used
	key "$1" ed25519 cv25519 never
	printf 'y\n%s\n%s\ny\n' "$2" "${3:+$3
}" | at=20250101T000000 talk --output "$out/$1.rev.tmp" --gen-revoke "$1@example.org"
	at=20250101T000000 g --import "$out/$1.rev.tmp"; rm "$out/$1.rev.tmp"
	save "$1@example.org" "$1"
}
revoke revoked-no-reason 0 ''
revoke revoked-compromised 1 'stolen with the laptop'
revoke revoked-superseded 2 'see the new key'
revoke revoked-retired 3 ''

# Three encryption subkeys, of which the first expired, the second is revoked and the third serves; and a signing subkey.
key multi ed25519 '' never; f=$(fpr multi@example.org)
g --quick-add-key "$f" cv25519 encr 1y
at=20240201T000000 g --quick-add-key "$f" cv25519 encr never
at=20240301T000000 g --quick-add-key "$f" cv25519 encr never
at=20240401T000000 g --quick-add-key "$f" ed25519 sign never
printf 'key 2\nrevkey\ny\n3\n\ny\nsave\n' | at=20250101T000000 talk --edit-key "$f"
save multi@example.org multi; secret multi@example.org multi

# Two user IDs, the second revoked; a picture has no place here.
key two-ids ed25519 cv25519 never; f=$(fpr two-ids@example.org)
at=20240201T000000 g --quick-add-uid "$f" 'Former Name <former@example.org>'
at=20240301T000000 g --quick-revoke-uid "$f" 'Former Name <former@example.org>'
save two-ids@example.org two-ids

# Certified by somebody else.
key certified ed25519 cv25519 never
g --default-key cv25519@example.org --quick-sign-key "$(fpr certified@example.org)"
save certified@example.org certified

# The secret of the primary key kept elsewhere; and no protection.
key offline-primary ed25519 cv25519 never
g --armor --export-secret-subkeys offline-primary@example.org > "$out/offline-primary.sec.asc"
g --passphrase '' --quick-generate-key 'unprotected <unprotected@example.org>' ed25519 cert,sign never
g --passphrase '' --quick-add-key "$(fpr unprotected@example.org)" cv25519 encr never
g --passphrase '' --armor --export-secret-keys unprotected@example.org > "$out/unprotected.sec.asc"
