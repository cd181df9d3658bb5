#!/bin/bash
# Makes what is in this folder, with gpg and gpgsm 2.2, openssl 3.0 and NSS 3.87:
# stores of keys and certificates of people who do not exist, in base64, and in
# fingerprints.txt what these programs list of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d /tmp/mk.XXXXXX)
export GNUPGHOME=$t/home
trap 'gpgconf --kill all; rm -rf "$t"' EXIT
mkdir -m 700 "$GNUPGHOME"
cd "$t"
g() { gpg --batch --yes --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@" 2>/dev/null; }
fpr() { gpg --list-keys --with-colons "$1" | awk -F: '/^fpr/{print $10; exit}'; }
for who in alice bob gone; do
  g --quick-gen-key $who@example.org ed25519 cert,sign 20y
done
g --quick-add-key "$(fpr alice@example.org)" cv25519 encr 20y
g --delete-secret-and-public-key "$(fpr gone@example.org)"
echo "$(fpr bob@example.org):4:" | gpg --quiet --import-ownertrust 2>/dev/null

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
  -subj "/CN=Example CA" -days 9000 -addext keyUsage=keyCertSign,cRLSign 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout carol.key -out carol.csr -subj "/CN=Carol" 2>/dev/null
openssl x509 -req -in carol.csr -CA ca.pem -CAkey ca.key -days 9000 -out carol.pem 2>/dev/null -extfile <(
  printf 'subjectAltName=email:carol@example.org\nkeyUsage=digitalSignature,keyAgreement\nextendedKeyUsage=emailProtection')
gpgsm --batch --disable-crl-checks --disable-dirmngr --import ca.pem carol.pem 2>/dev/null

mkdir nss
certutil -N -d sql:nss --empty-password
openssl pkcs12 -export -in carol.pem -inkey carol.key -certfile ca.pem -name carol -out carol.p12 -passout pass:carol
pk12util -i carol.p12 -d sql:nss -W carol >/dev/null
pk12util -o nss.p12 -n carol -d sql:nss -W carol >/dev/null
openssl crl2pkcs7 -nocrl -certfile carol.pem -certfile ca.pem -outform DER -out carol.p7c
printf 'Content-Type: text/plain\r\n\r\nHello\r\n' >body
openssl smime -sign -in body -signer carol.pem -inkey carol.key -certfile ca.pem \
  -from 'Carol <carol@example.org>' -to bob@example.org -subject Hello -out "$here/signed.eml"
certutil -L -d sql:nss -n carol -a >"$here/nss.pem"

touch pubring.gpg # else gpg makes a keybox; and importing forgets ownertrust
gpg --export | g --no-default-keyring --keyring "$t/pubring.gpg" --trustdb-name "$t/other.gpg" --import
for f in home/pubring.kbx home/trustdb.gpg pubring.gpg carol.p12 nss.p12 carol.p7c; do
  base64 "$f" >"$here/$(basename $f).b64"
done
gpg --armor --export alice@example.org >"$here/alice.pub.asc" 2>/dev/null
gpg --export-ownertrust >"$here/ownertrust.txt" 2>/dev/null
g --armor --export-secret-keys >"$here/secret.asc"
{ gpg --list-keys --with-colons 2>/dev/null | awk -F: '/^pub/{p=1} /^fpr/&&p{print "gpg", $10; p=0}'
  gpgsm --list-keys --with-colons 2>/dev/null | awk -F: '/^fp2/{print "gpgsm", $10}'
} >"$here/fingerprints.txt"
