// zipjs.mjs lock|unlock ARCHIVE DIR STRENGTH LEVEL: passphrase on standard input.
// lock puts the files of DIR into ARCHIVE, unlock the files of ARCHIVE into DIR.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
const require = createRequire(path.join(process.env.INTEROP_HOME, "node_modules", "x.js"));
const zip = require("@zip.js/zip.js");
zip.configure({ useWebWorkers: false });
const [, , verb, archive, dir, strength, level] = process.argv;
const password = fs.readFileSync(0, "utf8");
if (verb === "lock") {
  const w = new zip.ZipWriter(new zip.Uint8ArrayWriter(), { password, encryptionStrength: Number(strength), level: Number(level) });
  for (const name of fs.readdirSync(dir)) {
    await w.add(name, new zip.Uint8ArrayReader(new Uint8Array(fs.readFileSync(path.join(dir, name)))));
  }
  fs.writeFileSync(archive, await w.close());
} else {
  const r = new zip.ZipReader(new zip.Uint8ArrayReader(new Uint8Array(fs.readFileSync(archive))), password ? { password, checkSignature: true } : {});
  for (const e of await r.getEntries()) {
    fs.writeFileSync(path.join(dir, path.basename(e.filename)), await e.getData(new zip.Uint8ArrayWriter()));
  }
}
