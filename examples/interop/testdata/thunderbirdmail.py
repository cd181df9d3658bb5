"""The orders of thunderbird.py that are about whole mails: sent as a person sends them, from the
window in which mails are written, and read as a person sees them."""
import base64, os, queue, socket, threading

B64 = "const un=b=>atob(b), by=b=>Uint8Array.from(atob(b),c=>c.charCodeAt(0));"

# What was imported is not in the list that it keeps of its keys.
KEYRING = "ChromeUtils.importESModule('chrome://openpgp/content/modules/keyRing.sys.mjs').EnigmailKeyRing.clearCache();"

PREFS = """
Services.prefs.setBoolPref('mail.compose.attachment_reminder', false);
Services.prefs.setIntPref('mail.compose.big_attachments.threshold_kb', 1<<20);
Services.prefs.setBoolPref('mail.smtp.useSenderForSmtpMailFrom', true);
const {MailServices}=ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
try { MailServices.accounts.localFoldersServer; } catch (e) { MailServices.accounts.createLocalMailAccount(); }
return true;"""

# A person who writes with this Thunderbird: an account, whose identity has the key.
ME = """
const {MailServices}=ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
const q=A[0];
let id=MailServices.accounts.allIdentities.find(i=>i.email==q.address);
if (!id) {
  id=MailServices.accounts.createIdentity();
  id.email=q.address; id.fullName=q.name; id.doFcc=false; id.composeHtml=false;
  id.setBoolAttribute('protectSubject', true);
  const account=MailServices.accounts.createAccount();
  account.incomingServer=MailServices.accounts.createIncomingServer(q.address.split('@')[0], '127.0.0.1', 'pop3');
  account.addIdentity(id);
  MailServices.accounts.defaultAccount=account;
  const smtp=MailServices.outgoingServer.createServer('smtp');
  smtp.QueryInterface(Ci.nsISmtpServer);
  smtp.hostname='127.0.0.1'; smtp.port=q.port; smtp.authMethod=1; smtp.socketType=0;
  id.smtpServerKey=smtp.key;
}
if (q.fingerprint) {
  const {PgpSqliteDb2}=ChromeUtils.importESModule('chrome://openpgp/content/modules/sqliteDb.sys.mjs');
  await PgpSqliteDb2.acceptAsPersonalKey(q.fingerprint);
  KEYRING
  id.setUnicharAttribute('openpgp_key_id', q.fingerprint.slice(-16));
  return id.key;
}
const cert=Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).getCerts().find(c=>c.emailAddress==q.address);
for (const use of ['signing','encryption']) {
  id.setUnicharAttribute(use+'_cert_name', cert.displayName);
  id.setCharAttribute(use+'_cert_dbkey', cert.dbKey);
}
return id.key;""".replace("KEYRING", KEYRING)

FRIEND_SMIME = """
Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).addCertFromBase64(A[0], ',,');
return true;"""

FRIEND_PGP = """
const r=await RNP.importPubkeyBlockAutoAcceptImpl(null, un(A[0]), 'verified');
KEYRING
return r.exitCode;""".replace("KEYRING", KEYRING)

SEND = """
const {MailServices}=ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
const q=A[0], id=MailServices.accounts.allIdentities.find(i=>i.email==q.from);
const sleep=n=>new Promise(r=>Services.wm.getMostRecentWindow('mail:3pane').setTimeout(r,n));
const fields=Cc['@mozilla.org/messengercompose/composefields;1'].createInstance(Ci.nsIMsgCompFields);
fields.from=MailServices.headerParser.makeMimeAddress(id.fullName, id.email);
fields.to=q.to; fields.subject=q.subject; fields.body=q.text;
const local=Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile);
local.initWithPath(q.attach);
const file=Cc['@mozilla.org/messengercompose/attachment;1'].createInstance(Ci.nsIMsgAttachment);
file.url=Services.io.newFileURI(local).spec; file.name=local.leafName;
fields.addAttachment(file);
const params=Cc['@mozilla.org/messengercompose/composeparams;1'].createInstance(Ci.nsIMsgComposeParams);
params.composeFields=fields; params.identity=id;
params.type=Ci.nsIMsgCompType.New; params.format=Ci.nsIMsgCompFormat.PlainText;
const opened=new Promise(r=>{
  const o={observe(w, topic) {
    if (topic=='domwindowopened') w.addEventListener('compose-editor-ready', ()=>{ Services.ww.unregisterNotification(o); r(w); }, {once:true});
  }};
  Services.ww.registerNotification(o);
});
MailServices.compose.OpenComposeWindowWithParams(null, params);
const win=await opened;
win.gSelectedTechnologyIsPGP=q.format=='pgp';
win.gSendEncrypted=!!q.encrypt; win.gSendSigned=!!q.sign; win.gEncryptSubject=true;
win.gUserTouchedSendEncrypted=win.gUserTouchedSendSigned=win.gUserTouchedEncryptSubject=true;
await win.checkEncryptionState(); // it looks for the certificates of the recipients
if (q.format=='smime' && q.encrypt)
  for (const end=Date.now()+30000; Date.now()<end && !win.gSMFields.haveValidCertForEmail(q.to);) await sleep(20);
win.GenericSendMessage(Ci.nsIMsgCompDeliverMode.Now);
return true;"""

# What stands in its windows when a mail does not arrive.
WINDOWS = """
return [...Services.wm.getEnumerator(null)].filter(w=>w.location.href.includes('Dialog'))
  .map(w=>w.document.documentElement.textContent.replace(/\\\\s+/g,' ').slice(-600));"""

# The icons come after the content, and that of a signature at times last of all: it is waited for
# where one is expected, and where none is for a while after everything else has come.
READ = """
const {MailServices}=ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
const q=A[0], root=MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
const folder=root.createLocalSubfolder('f'+Date.now()+Math.random()).QueryInterface(Ci.nsIMsgLocalMailFolder);
const hdr=folder.addMessage(un(A[1]));
const main=Services.wm.getMostRecentWindow('mail:3pane'), tabmail=main.document.getElementById('tabmail');
const tab=tabmail.openTab('mailMessageTab', {messageURI:folder.getUriForMsg(hdr), background:false});
const sleep=n=>new Promise(r=>main.setTimeout(r,n));
const view=()=>tab.chromeBrowser?.contentWindow, element=id=>view()?.document.getElementById(id);
const icon=id=>(element(id)?.getAttribute('src')||'').replace(/.*\\//,'');
const body=()=>view()?.getMessagePaneBrowser?.()?.contentDocument?.body?.textContent||'';
const value=id=>(element(id)?.textContent||'').replace(/^[A-Za-z]+:?/,'');
const until=async (n, done)=>{ for (const end=Date.now()+n; Date.now()<end && !done();) await sleep(20); };
await until(60000, ()=>view()?.currentAttachments?.length && body().includes(q.text));
await until(q.signed ? 60000 : 300, ()=>icon('signedHdrIcon'));
await until(q.encrypted ? 60000 : 0, ()=>icon('encryptedHdrIcon'));
const names=[];
for (const a of view()?.currentAttachments||[]) {
  await IOUtils.write(q.out+'/'+names.length, new Uint8Array(await a.fetchAttachment()));
  names.push(a.name);
}
const r={names:names, subject:value('expandedsubjectBox'), title:tab.title, from:value('expandedfromBox'), text:body(),
  encrypted:icon('encryptedHdrIcon'), signed:icon('signedHdrIcon'), technology:element('encryptionTechBtn')?.textContent.trim()||''};
tabmail.closeTab(tab);
return r;"""


class Sink:
    """A mail server that takes everything and keeps it."""

    def __init__(self):
        self.mails = queue.Queue()
        self.s = socket.create_server(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.s.accept()
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def talk(self, c):
        with c, c.makefile("rb") as f:
            c.sendall(b"220 sink\r\n")
            while line := f.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    c.sendall(b"354 go on\r\n")
                    mail = []
                    while (line := f.readline()) not in (b".\r\n", b""):
                        mail.append(line[1:] if line.startswith(b".") else line)
                    self.mails.put(b"".join(mail))
                c.sendall(b"221 bye\r\n" if word == b"QUIT" else b"250-sink\r\n250 8BITMIME\r\n" if word == b"EHLO" else b"250 ok\r\n")
                if word == b"QUIT":
                    return


class Mail:
    def __init__(self):
        self.sink = None

    def act(self, m, rnp, q):
        do = q["do"]
        if not self.sink:
            self.sink = Sink()
            m.js(PREFS)
        if do == "me":
            return m.js(ME, {**q, "port": self.sink.port})
        if do == "friend":
            with open(q["cert"], "rb") as f:
                cert = f.read()
            if q["format"] == "smime":
                return m.js(FRIEND_SMIME, b"".join(l for l in cert.splitlines() if not l.startswith(b"-")).decode())
            return m.js(rnp + FRIEND_PGP, base64.b64encode(cert).decode())
        if do == "send":
            m.js(SEND, q)
            try:
                mail = self.sink.mails.get(timeout=60)
            except queue.Empty:
                raise RuntimeError(f"nothing was sent: {m.js(WINDOWS)}")
            with open(q["out"], "wb") as f:
                f.write(mail)
            return True
        if do == "read":
            with open(q["in"], "rb") as f:
                return m.js(B64 + READ, {**q, "out": os.path.abspath(q["out"])}, base64.b64encode(f.read()).decode())
        raise RuntimeError("unknown: " + do)
