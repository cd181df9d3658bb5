// OpenPGP.js, told what to do by a line of JSON on standard input, one answer a line.
const fs = require('node:fs');
const readline = require('node:readline');
const openpgp = require('openpgp');
const { enums } = openpgp;

const armored = (b) => Buffer.from(b).toString('latin1').trimStart().startsWith('-----BEGIN');
const text = (name) => fs.readFileSync(name, 'utf8');
const bytes = (x) => (typeof x === 'string' ? Buffer.from(x) : Buffer.from(x));
const format = (o) => (o.armored || o.kind === 'clear' ? 'armored' : 'binary');

async function secret(o) {
  const key = await openpgp.readPrivateKey({ armoredKey: text(o.key) });
  return o.locked ? openpgp.decryptKey({ privateKey: key, passphrase: o.locked }) : key;
}
const cert = (o) => openpgp.readKey({ armoredKey: text(o.cert) });

async function message(b) {
  return armored(b) ? openpgp.readMessage({ armoredMessage: Buffer.from(b).toString('latin1') }) : openpgp.readMessage({ binaryMessage: new Uint8Array(b) });
}
async function signature(b) {
  return armored(b) ? openpgp.readSignature({ armoredSignature: Buffer.from(b).toString('latin1') }) : openpgp.readSignature({ binarySignature: new Uint8Array(b) });
}

// Brainpool is off by default there; what is weak stays so.
function config(o) {
  const c = { rejectCurves: new Set(), allowUnauthenticatedMessages: false };
  if (o.cipher) c.preferredSymmetricAlgorithm = enums.symmetric[o.cipher];
  if (o.compression) c.preferredCompressionAlgorithm = enums.compression[{ none: 'uncompressed' }[o.compression] || o.compression];
  if (o.digest) c.preferredHashAlgorithm = enums.hash[o.digest.replace('sha3-', 'sha3_')];
  c.aeadProtect = !!o.mode;
  if (o.mode) c.preferredAEADAlgorithm = enums.aead[o.mode];
  if (o.chunk) c.aeadChunkSizeByte = Math.log2(Number(o.chunk)) - 6;
  if (o.argon2) c.s2kType = enums.s2k.argon2;
  return c;
}

// The key's own preferences come before the configuration: the session key is
// made for the algorithms that were asked for.
async function sessionKey(o) {
  const n = { aes128: 16, aes192: 24, aes256: 32 }[o.cipher];
  const k = { data: new Uint8Array(n), algorithm: o.cipher };
  crypto.getRandomValues(k.data);
  if (o.mode) k.aeadAlgorithm = o.mode;
  return k;
}

async function checked(signatures, data) {
  if (signatures.length !== 1) throw new Error(`${signatures.length} signatures`);
  await signatures[0].verified;
  return data;
}

const orders = {
  async generate(o) {
    const p = { userIDs: [{ name: 'Peer', email: 'peer@example.org' }], format: 'armored', config: { v6Keys: o.kind === 'v6', aeadProtect: o.kind === 'v6', rejectCurves: new Set() } };
    const curve = { curve25519: 'curve25519Legacy', p256: 'nistP256', p384: 'nistP384', p521: 'nistP521', bp256: 'brainpoolP256r1', bp384: 'brainpoolP384r1', bp512: 'brainpoolP512r1' }[o.kind];
    if (o.kind === 'v6') p.type = 'curve25519';
    else if (curve) Object.assign(p, { type: 'ecc', curve });
    else Object.assign(p, { type: 'rsa', rsaBits: Number(o.kind.slice(3)) });
    const k = await openpgp.generateKey(p);
    fs.writeFileSync(o.key, k.privateKey);
    fs.writeFileSync(o.cert, k.publicKey);
    return '';
  },
  async encrypt(o) {
    const p = { message: await openpgp.createMessage({ binary: new Uint8Array(o.data) }), format: format(o), config: config(o), wildcard: !!o.hidden };
    if (o.password) p.passwords = [o.password];
    else {
      p.encryptionKeys = await cert(o);
      p.sessionKey = await sessionKey(o);
    }
    if (o.signed) p.signingKeys = await secret(o);
    return openpgp.encrypt(p);
  },
  async decrypt(o) {
    const p = { message: await message(o.data), format: 'binary', config: config({}) };
    if (o.password) p.passwords = [o.password];
    else p.decryptionKeys = await secret(o);
    if (o.signed) Object.assign(p, { verificationKeys: await cert(o), expectSigned: true });
    const r = await openpgp.decrypt(p);
    return o.signed ? checked(r.signatures, r.data) : r.data;
  },
  async sign(o) {
    const p = { signingKeys: await secret(o), config: config(o), format: format(o) };
    if (o.kind === 'clear') p.message = await openpgp.createCleartextMessage({ text: Buffer.from(o.data).toString() });
    else if (o.kind === 'text') p.message = await openpgp.createMessage({ text: Buffer.from(o.data).toString() });
    else p.message = await openpgp.createMessage({ binary: new Uint8Array(o.data) });
    if (o.kind === 'detached' || o.kind === 'text') p.detached = true;
    return openpgp.sign(p);
  },
  async verify(o) {
    const p = { verificationKeys: await cert(o), config: config({}), expectSigned: true };
    if (o.kind === 'clear') p.message = await openpgp.readCleartextMessage({ cleartextMessage: Buffer.from(o.data).toString() });
    else if (o.kind === 'inline') Object.assign(p, { message: await message(o.data), format: 'binary' });
    else {
      p.message = o.kind === 'text' ? await openpgp.createMessage({ text: Buffer.from(o.data).toString() }) : await openpgp.createMessage({ binary: new Uint8Array(o.data) });
      p.signature = await signature(fs.readFileSync(o.sig));
    }
    const r = await openpgp.verify(p);
    return checked(r.signatures, r.data);
  },
  async revoked(o) {
    const k = await cert(o);
    if (await k.isRevoked()) throw new Error('it is revoked before');
    const r = await openpgp.revokeKey({ key: k, revocationCertificate: o.rev, format: 'object' });
    if (!await r.publicKey.isRevoked()) throw new Error('it is not revoked');
    return '';
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const o = JSON.parse(line);
    o.data = Buffer.from(o.data || '', 'base64');
    let answer;
    try {
      answer = { data: bytes(await orders[o.do](o)).toString('base64') };
    } catch (e) {
      answer = { error: `${e.stack || e}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
})();
