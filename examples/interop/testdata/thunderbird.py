#!/usr/bin/python3
"""Drives one headless Thunderbird: a line of JSON in, a line of JSON out.

usage: thunderbird.py PEERS DIR
PEERS is the folder that holds peer-thunderbird, whose connection to Thunderbird is used; DIR is
an empty folder for the profile. Each line {"do": NAME, ...} is answered by {"ok": ...} or
{"error": TEXT}. Thunderbird ends when standard input does.

  version
  import-smime   p12: path of a PKCS#12 file, password "pw"; or ca: path of a DER certificate to trust
  import-pgp     key: path of an armored secret key
  open-smime     in, out: paths
  open-pgp       in, out: paths
  verify-pgp     in, sig, cert: paths
  mail           in: path of a message; out: folder, into which every attachment is saved as the
                 user would save it; signed: wait until the signature was looked at.
                 ok: their names and what Thunderbird shows of the encryption and the signature

Of whole mails, as thunderbirdmail.py does them:
  me             address, name; fingerprint where it is an OpenPGP key: of a key that was imported
  friend         format: pgp or smime; cert: path of a certificate to believe in
  send           format, from, to, subject, text; attach: path; sign, encrypt: "yes" or absent;
                 out: path for the mail as it came to a mail server
  read           in: path of a mail; out: folder, into which the attachments are saved as 0, 1 ...;
                 text: part of what it says; signed, encrypted: what to wait for.
                 ok: what Thunderbird shows
"""
import base64, io, json, os, sys

sys.dont_write_bytecode = True  # beside the tests nothing is written
import thunderbirdmail

PATIENCE = 120  # seconds for one order
PEER = {"__name__": "peer", "__file__": ""}
MAILS = thunderbirdmail.Mail()


def load(peers):
    """The driver is a program: it runs its main when loaded, so let it do nothing."""
    path = os.path.join(peers, "peer-thunderbird")
    argv, err = sys.argv, sys.stderr
    sys.argv, sys.stderr = [path, "nothing"], io.StringIO()
    try:
        exec(compile(open(path).read(), path, "exec"), PEER)
    except SystemExit:
        pass
    finally:
        sys.argv, sys.stderr = argv, err


def enc(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


def put(path, b64):
    with open(path, "wb") as f:
        f.write(base64.b64decode(b64))


IMPORT_P12 = """
const f=Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile); f.initWithPath(A[0]);
return Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).importPKCS12File(f,'pw');"""

TRUST = """
const db=Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB);
db.addCertFromBase64(A[0], 'CT,C,C'); return true;"""

OPEN_SMIME = """
return b64(Cc['@mozilla.org/nsCMSDecoderJS;1'].createInstance(Ci.nsICMSDecoderJS).decrypt(Array.from(by(A[0]))));"""

IMPORT_PGP = """
const i=await RNP.importSecKeyBlockImpl(null,()=>'',true,un(A[0])); return [i.exitCode,String(i.errorMsg||'')];"""

OPEN_PGP = """
const r=await RNP.decrypt(un(A[0]),{uiFlags:0,msgDate:null,fromAddr:'',maxOutputLength:1<<26,noOutput:false});
return [r.exitCode, r.statusFlags, btoa(r.decryptedData||''), r.extStatusFlags||0];"""

VERIFY_PGP = """
await RNP.importPubkeyBlockAutoAcceptImpl(null,un(A[0]),'verified');
const from=((await RNP.getKeyListFromKeyBlockImpl(un(A[0]),true,false,true))||[{}])[0].userIds?.[0]?.userId||'';
const r=await RNP.verifyDetached(un(A[1]),un(A[2]),RNP.getEmailWithoutBrackets(from),new Date());
return [r.exitCode,r.statusFlags];"""

MAIL = """
const {MailServices}=ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
let server;
try { server=MailServices.accounts.localFoldersServer; } catch (e) {}
if (!server) { MailServices.accounts.createLocalMailAccount(); server=MailServices.accounts.localFoldersServer; }
const root=server.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
const folder=root.createLocalSubfolder('f'+Date.now()+Math.random()).QueryInterface(Ci.nsIMsgLocalMailFolder);
const hdr=folder.addMessage(un(A[0]));
const win=Services.wm.getMostRecentWindow('mail:3pane'), tabmail=win.document.getElementById('tabmail');
const tab=tabmail.openTab('mailMessageTab',{messageURI:folder.getUriForMsg(hdr),background:false});
const sleep=n=>new Promise(r=>win.setTimeout(r,n));
const view=()=>tab.chromeBrowser?.contentWindow;
for (const end=Date.now()+60000; Date.now()<end && !view()?.currentAttachments?.length;) await sleep(50);
const names=[];
for (const a of view()?.currentAttachments||[]) {
  await IOUtils.write(A[1]+'/'+a.name, new Uint8Array(await a.fetchAttachment()));
  names.push(a.name);
}
const icon=id=>(view()?.document.getElementById(id)?.getAttribute('src')||'').replace(/.*\\//,'');
// What it says of the signature comes after the content.
for (const end=Date.now()+(A[2]?60000:0); Date.now()<end && !icon('signedHdrIcon');) await sleep(50);
const r={names:names, encrypted:icon('encryptedHdrIcon'), signed:icon('signedHdrIcon'),
  technology:view()?.document.getElementById('encryptionTechBtn')?.textContent.trim()||''};

tabmail.closeTab(tab);
return r;"""


def act(m, q):
    B64, RNP = PEER["B64"], PEER["RNP"]
    do = q["do"]
    if do == "version":
        return m.js("return Services.appinfo.name+' '+Services.appinfo.version")
    if do == "import-smime":
        return m.js(TRUST, enc(q["ca"])) if "ca" in q else m.js(IMPORT_P12, q["p12"])
    if do == "import-pgp":
        r = m.js(RNP + IMPORT_PGP, enc(q["key"]))
        if r[0] != 0:
            raise RuntimeError(f"the key does not import: {r}")
        return r
    if do == "open-smime":
        return put(q["out"], m.js(B64 + OPEN_SMIME, enc(q["in"])))
    if do == "open-pgp":
        r = m.js(RNP + OPEN_PGP, enc(q["in"]))
        if r[0] != 0:
            raise RuntimeError(f"RNP says {r[0]} {r[1]:#x}")
        put(q["out"], r[2])
        return r[1]
    if do == "verify-pgp":
        r = m.js(RNP + VERIFY_PGP, enc(q["cert"]), enc(q["in"]), enc(q["sig"]))
        if r[0] != 0:
            raise RuntimeError(f"RNP says {r}")
        return r[1]
    if do == "mail":
        return m.js(B64 + MAIL, enc(q["in"]), os.path.abspath(q["out"]), "signed" in q)
    return MAILS.act(m, RNP, q)


def begin(folder):
    """What is asked while the first window is being replaced by another is at times never answered."""
    for attempt in range(3):
        pid, port = PEER["start"](f"{folder}/{attempt}")
        try:
            m = PEER["Marionette"](port)
            m.s.settimeout(PATIENCE / 2)
            m.js("return true;")
            return pid, m
        except (RuntimeError, OSError) as e:
            print(f"Thunderbird does not answer: {e}", file=sys.stderr)
            PEER["end"](pid)
    raise SystemExit(1)


def main():
    load(sys.argv[1])
    pid, m = begin(os.path.abspath(sys.argv[2]))
    try:
        # A mail of 5 MiB keeps it busy for a while, the more on a machine that does other things too.
        m.s.settimeout(2 * PATIENCE)
        m.call("WebDriver:SetTimeouts", script=1000 * PATIENCE)
        for line in sys.stdin:
            try:
                r = {"ok": act(m, json.loads(line))}
            except (RuntimeError, OSError, KeyError) as e:
                r = {"error": str(e)}
            print(json.dumps(r), flush=True)
    finally:
        PEER["end"](pid)


main()
