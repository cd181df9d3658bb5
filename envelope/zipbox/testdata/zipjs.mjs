// zipjs.mjs lock|unlock ARCHIVE DIR STRENGTH LEVEL: passphrase on standard input.
// lock puts the files of DIR into ARCHIVE, unlock the files of ARCHIVE into DIR;
// neither holds a file in memory.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import { Readable, Writable } from "node:stream";
const require = createRequire(path.join(process.env.INTEROP_HOME, "node_modules", "x.js"));
const zip = require("@zip.js/zip.js");
zip.configure({ useWebWorkers: false });
const [, , verb, archive, dir, strength, level] = process.argv;
const password = fs.readFileSync(0, "utf8");
const write = (name) => Writable.toWeb(fs.createWriteStream(name));

class FileReader extends zip.Reader {
  constructor(name) {
    super();
    this.fd = fs.openSync(name);
    this.size = fs.fstatSync(this.fd).size;
  }
  async readUint8Array(index, length) {
    const b = new Uint8Array(Math.min(length, this.size - index));
    fs.readSync(this.fd, b, 0, b.length, index);
    return b;
  }
}

if (verb === "lock") {
  const w = new zip.ZipWriter(write(archive), { password, encryptionStrength: Number(strength), level: Number(level) });
  for (const name of fs.readdirSync(dir)) {
    await w.add(name, Readable.toWeb(fs.createReadStream(path.join(dir, name))));
  }
  await w.close();
} else {
  const r = new zip.ZipReader(new FileReader(archive), password ? { password, checkSignature: true } : {});
  for (const e of await r.getEntries()) {
    await e.getData(write(path.join(dir, path.basename(e.filename))));
  }
}
