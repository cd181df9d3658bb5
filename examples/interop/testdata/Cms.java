// One running Bouncy Castle for all cells: a line of tab-separated words in, a line out.
//
//   VERB KEY=VALUE...  is answered by "ok" or by "error TEXT"
//
//   seal    in out method content [cert] [password] [kek] [attributes]
//   sign    in out method form cert key [cert2 key2]
//   compress in out
//   open    in out [key] [password] [kek]      EnvelopedData and AuthEnvelopedData
//   verify  in out ca [content]                every signer must be good, and there must be one
//
// What the words mean is said in the header of algorithms.txt.
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.*;
import java.util.*;
import javax.crypto.*;
import javax.crypto.spec.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.cms.*;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.IssuerAndSerialNumber;
import org.bouncycastle.asn1.cms.Time;
import org.bouncycastle.asn1.cms.ecc.ECCCMSSharedInfo;
import org.bouncycastle.asn1.pkcs.*;
import org.bouncycastle.asn1.x509.*;
import org.bouncycastle.cert.*;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.crypto.*;
import org.bouncycastle.crypto.agreement.kdf.*;
import org.bouncycastle.crypto.digests.*;
import org.bouncycastle.crypto.generators.*;
import org.bouncycastle.crypto.params.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.*;
import org.bouncycastle.openssl.jcajce.*;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.util.Pack;

public class Cms {
  static final String BC = "BC";
  static Map<String, String> o;
  static final SecureRandom random = new SecureRandom();

  public static void main(String[] a) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split("\t");
      o = new HashMap<>();
      for (int i = 1; i < words.length; i++) {
        int at = words[i].indexOf('=');
        o.put(words[i].substring(0, at), words[i].substring(at + 1));
      }
      String answer = "ok";
      try {
        act(words[0]);
      } catch (Exception | StackOverflowError | OutOfMemoryError e) {
        answer = ("error " + e).replaceAll("\\s+", " ");
        if (o.containsKey("trace")) e.printStackTrace();
      }
      System.out.println(answer);
      System.out.flush();
    }
  }

  static void act(String verb) throws Exception {
    switch (verb) {
      case "seal": out(seal(new CMSProcessableByteArray(in("in")))); break;
      case "sign": out(sign(new CMSProcessableByteArray(in("in")))); break;
      case "compress": out(compress(in("in"))); break;
      case "open": out(open(in("in"))); break;
      case "verify": out(verify()); break;
      default: throw new IllegalArgumentException(verb);
    }
  }

  static boolean has(String k) { return o.containsKey(k); }
  static byte[] in(String k) throws IOException { return Files.readAllBytes(Path.of(o.get(k))); }
  static void out(byte[] b) throws IOException { Files.write(Path.of(o.get("out")), b); }
  static Object pem(String k) throws IOException {
    try (PEMParser p = new PEMParser(new FileReader(o.get(k)))) { return p.readObject(); }
  }
  static X509CertificateHolder holder(String k) throws IOException { return (X509CertificateHolder) pem(k); }
  static X509Certificate cert(X509CertificateHolder h) throws Exception { return new JcaX509CertificateConverter().setProvider(BC).getCertificate(h); }
  static PrivateKey key(String k) throws IOException { return new JcaPEMKeyConverter().setProvider(BC).getPrivateKey((PrivateKeyInfo) pem(k)); }

  // ---- sealing ----

  static final Map<String, ASN1ObjectIdentifier> CONTENT = Map.ofEntries(
      Map.entry("aes128-cbc", CMSAlgorithm.AES128_CBC), Map.entry("aes192-cbc", CMSAlgorithm.AES192_CBC), Map.entry("aes256-cbc", CMSAlgorithm.AES256_CBC),
      Map.entry("aes128-gcm", CMSAlgorithm.AES128_GCM), Map.entry("aes192-gcm", CMSAlgorithm.AES192_GCM), Map.entry("aes256-gcm", CMSAlgorithm.AES256_GCM),
      Map.entry("aes128-ccm", CMSAlgorithm.AES128_CCM), Map.entry("aes192-ccm", CMSAlgorithm.AES192_CCM), Map.entry("aes256-ccm", CMSAlgorithm.AES256_CCM),
      Map.entry("des3-cbc", CMSAlgorithm.DES_EDE3_CBC), Map.entry("rc2-40-cbc", CMSAlgorithm.RC2_CBC), Map.entry("rc2-64-cbc", CMSAlgorithm.RC2_CBC),
      Map.entry("rc2-128-cbc", CMSAlgorithm.RC2_CBC));

  static byte[] seal(CMSTypedData content) throws Exception {
    if (has("compressed")) {
      ContentInfo z = ContentInfo.getInstance(compress((byte[]) content.getContent()));
      content = new CMSProcessableByteArray(CMSObjectIdentifiers.compressedData, z.getContent().toASN1Primitive().getEncoded());
    }
    String name = o.get("content");
    JceCMSContentEncryptorBuilder b = name.startsWith("rc2") ? new JceCMSContentEncryptorBuilder(CONTENT.get(name), Integer.parseInt(name.split("-")[1]))
        : new JceCMSContentEncryptorBuilder(CONTENT.get(name));
    b.setProvider(BC);
    if (name.endsWith("-cbc")) {
      CMSEnvelopedDataGenerator g = new CMSEnvelopedDataGenerator();
      g.addRecipientInfoGenerator(recipient());
      return g.generate(content, b.build()).getEncoded();
    }
    CMSAuthEnvelopedDataGenerator g = new CMSAuthEnvelopedDataGenerator();
    if (has("attributes")) {
      ASN1EncodableVector v = new ASN1EncodableVector();
      v.add(new Attribute(CMSAttributes.contentType, new DERSet(CMSObjectIdentifiers.data)));
      v.add(new Attribute(CMSAttributes.signingTime, new DERSet(new Time(new Date()))));
      AttributeTable t = new AttributeTable(v);
      g.setAuthenticatedAttributeGenerator(new SimpleAttributeTableGenerator(t));
    }
    g.addRecipientInfoGenerator(recipient());
    return g.generate(content, (OutputAEADEncryptor) b.build()).getEncoded();
  }

  static byte[] keyID(X509CertificateHolder h) { return SubjectKeyIdentifier.fromExtensions(h.getExtensions()).getKeyIdentifier(); }
  static String jca(String h) { switch (h) { case "sha1": return "SHA-1"; case "sha512-256": return "SHA-512/256"; case "md5": return "MD5"; }
    return h.startsWith("sha3") ? h.toUpperCase() : "SHA-" + h.substring(3); }
  static final Map<String, ASN1ObjectIdentifier> ECDH = Map.of(
      "ecdh-sha1", CMSAlgorithm.ECDH_SHA1KDF, "ecdh-sha224", CMSAlgorithm.ECDH_SHA224KDF, "ecdh-sha256", CMSAlgorithm.ECDH_SHA256KDF,
      "ecdh-sha384", CMSAlgorithm.ECDH_SHA384KDF, "ecdh-sha512", CMSAlgorithm.ECDH_SHA512KDF,
      "ecdhc-sha1", CMSAlgorithm.ECCDH_SHA1KDF, "ecdhc-sha256", CMSAlgorithm.ECCDH_SHA256KDF, "ecdhc-sha512", CMSAlgorithm.ECCDH_SHA512KDF);
  static final Map<String, ASN1ObjectIdentifier> WRAP = Map.of("wrap128", CMSAlgorithm.AES128_WRAP, "wrap192", CMSAlgorithm.AES192_WRAP, "wrap256", CMSAlgorithm.AES256_WRAP);
  static final Map<String, PasswordRecipient.PRF> PRF = Map.of("sha1", PasswordRecipient.PRF.HMacSHA1, "sha224", PasswordRecipient.PRF.HMacSHA224,
      "sha256", PasswordRecipient.PRF.HMacSHA256, "sha384", PasswordRecipient.PRF.HMacSHA384, "sha512", PasswordRecipient.PRF.HMacSHA512);

  static RecipientInfoGenerator recipient() throws Exception {
    String method = o.get("method");
    String[] m = method.split("-");
    if (m[0].equals("pwri")) {
      ASN1ObjectIdentifier kek = o.get("content").endsWith("-cbc") ? CONTENT.get(o.get("content")) : CMSAlgorithm.AES256_CBC;
      return new JcePasswordRecipientInfoGenerator(kek, o.get("password").toCharArray()).setProvider(BC)
          .setPasswordConversionScheme(PasswordRecipient.PKCS5_SCHEME2_UTF8).setPRF(PRF.get(m[1])).setSaltAndIterationCount(random.generateSeed(16), 10000);
    }
    if (m[0].equals("kek")) return new JceKEKRecipientInfoGenerator("kek-1".getBytes(), new SecretKeySpec(HexFormat.of().parseHex(o.get("kek")), "AES")).setProvider(BC);
    X509CertificateHolder h = holder("cert");
    X509Certificate x = cert(h);
    boolean id = method.endsWith("-keyid");
    if (m[0].equals("v15")) return (id ? new JceKeyTransRecipientInfoGenerator(keyID(h), x.getPublicKey()) : new JceKeyTransRecipientInfoGenerator(x)).setProvider(BC);
    if (m[0].equals("oaep")) {
      String hash = method.contains("sha512-256") ? "sha512-256" : m[1];
      String mgf = method.endsWith("mgf1sha1") ? "sha1" : hash;
      OAEPParameterSpec p = new OAEPParameterSpec(jca(hash), "MGF1", new MGF1ParameterSpec(jca(mgf)),
          method.endsWith("-label") ? new PSource.PSpecified(new byte[] {1, 2}) : PSource.PSpecified.DEFAULT);
      return new JceKeyTransRecipientInfoGenerator(x, new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, p)).setProvider(BC);
    }
    if (!(x.getPublicKey() instanceof ECPublicKey)) return new Montgomery(h, m[0] + "-" + m[1], m[2]);
    KeyPairGenerator g = KeyPairGenerator.getInstance("EC", BC);
    g.initialize(((ECPublicKey) x.getPublicKey()).getParams());
    KeyPair e = g.generateKeyPair();
    JceKeyAgreeRecipientInfoGenerator r = new JceKeyAgreeRecipientInfoGenerator(ECDH.get(m[0] + "-" + m[1]), e.getPrivate(), e.getPublic(), WRAP.get(m[2])).setProvider(BC);
    return id ? r.addRecipient(keyID(h), x.getPublicKey()) : r.addRecipient(x);
  }

  // Key agreement with X25519 and X448 as RFC 8418 has it, which the CMS classes of 1.72 lack,
  // out of the primitives that it has.

  static final String HKDF = "1.2.840.113549.1.9.16.3.";
  static final Map<String, String> AGREE = Map.of("ecdh-sha256", "1.3.132.1.11.1", "ecdh-sha384", "1.3.132.1.11.2", "ecdh-sha512", "1.3.132.1.11.3",
      "hkdf-sha256", HKDF + "19", "hkdf-sha384", HKDF + "20", "hkdf-sha512", HKDF + "21");

  static SecretKey agree(PrivateKey mine, PublicKey theirs, AlgorithmIdentifier a, ASN1OctetString ukm) throws Exception {
    javax.crypto.KeyAgreement k = javax.crypto.KeyAgreement.getInstance(mine.getAlgorithm(), BC);
    k.init(mine);
    k.doPhase(theirs, true);
    byte[] z = k.generateSecret();
    AlgorithmIdentifier wrap = AlgorithmIdentifier.getInstance(a.getParameters());
    int size = wrap.getAlgorithm().equals(CMSAlgorithm.AES128_WRAP) ? 16 : wrap.getAlgorithm().equals(CMSAlgorithm.AES192_WRAP) ? 24 : 32;
    byte[] info = new ECCCMSSharedInfo(wrap, ukm == null ? null : ukm.getOctets(), Pack.intToBigEndian(size * 8)).getEncoded("DER");
    String name = null;
    for (Map.Entry<String, String> e : AGREE.entrySet()) if (e.getValue().equals(a.getAlgorithm().getId())) name = e.getKey();
    if (name == null) throw new NoSuchAlgorithmException(a.getAlgorithm().getId());
    ExtendedDigest d = name.endsWith("256") ? new SHA256Digest() : name.endsWith("384") ? new SHA384Digest() : new SHA512Digest();
    byte[] kek = new byte[size];
    if (name.startsWith("hkdf")) {
      HKDFBytesGenerator g = new HKDFBytesGenerator(d);
      g.init(new HKDFParameters(z, null, info));
      g.generateBytes(kek, 0, size);
    } else {
      KDF2BytesGenerator g = new KDF2BytesGenerator(d);
      g.init(new KDFParameters(z, info));
      g.generateBytes(kek, 0, size);
    }
    return new SecretKeySpec(kek, "AES");
  }

  static class Montgomery implements RecipientInfoGenerator {
    final X509CertificateHolder h; final AlgorithmIdentifier a; final boolean id;
    Montgomery(X509CertificateHolder h, String kdf, String wrap) {
      this.h = h; id = o.get("method").endsWith("-keyid");
      a = new AlgorithmIdentifier(new ASN1ObjectIdentifier(AGREE.get(kdf)), new AlgorithmIdentifier(WRAP.get(wrap)));
    }
    public RecipientInfo generate(GenericKey cek) throws CMSException {
      try {
        PublicKey theirs = cert(h).getPublicKey();
        KeyPair e = KeyPairGenerator.getInstance(theirs.getAlgorithm(), BC).generateKeyPair();
        SubjectPublicKeyInfo s = SubjectPublicKeyInfo.getInstance(e.getPublic().getEncoded());
        Cipher c = Cipher.getInstance("AESWrap", BC);
        c.init(Cipher.WRAP_MODE, agree(e.getPrivate(), theirs, a, null));
        byte[] key = cek.getRepresentation() instanceof byte[] ? (byte[]) cek.getRepresentation() : ((Key) cek.getRepresentation()).getEncoded();
        byte[] wrapped = c.wrap(new SecretKeySpec(key, "AES"));
        OriginatorIdentifierOrKey from = new OriginatorIdentifierOrKey(new OriginatorPublicKey(s.getAlgorithm(), s.getPublicKeyData().getBytes()));
        return new RecipientInfo(new KeyAgreeRecipientInfo(from, null, a, new DERSequence(new RecipientEncryptedKey(
            new KeyAgreeRecipientIdentifier(new IssuerAndSerialNumber(h.getIssuer(), h.getSerialNumber())), new DEROctetString(wrapped)))));
      } catch (Exception e) { throw new CMSException("agree", e); }
    }
  }

  // ---- opening ----

  static RecipientOperator content(AlgorithmIdentifier a, Key key) throws CMSException {
    try {
      String id = a.getAlgorithm().getId();
      boolean gcm = id.endsWith(".6") || id.endsWith(".26") || id.endsWith(".46");
      boolean aead = gcm || id.endsWith(".7") || id.endsWith(".27") || id.endsWith(".47");
      if (!id.startsWith("2.16.840.1.101.3.4.1.")) throw new CMSException("content " + id);
      Cipher c = Cipher.getInstance(gcm ? "AES/GCM/NoPadding" : aead ? "AES/CCM/NoPadding" : "AES/CBC/PKCS5Padding", BC);
      if (aead) {
        GCMParameters p = GCMParameters.getInstance(a.getParameters());
        c.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(8 * p.getIcvLen(), p.getNonce()));
      } else c.init(Cipher.DECRYPT_MODE, key, new IvParameterSpec(ASN1OctetString.getInstance(a.getParameters()).getOctets()));
      if (!aead) return new RecipientOperator(new InputDecryptor() {
        public AlgorithmIdentifier getAlgorithmIdentifier() { return a; }
        public InputStream getInputStream(InputStream i) { return new org.bouncycastle.jcajce.io.CipherInputStream(i, c); }
      });
      return new RecipientOperator(new InputAEADDecryptor() {
        public AlgorithmIdentifier getAlgorithmIdentifier() { return a; }
        public InputStream getInputStream(InputStream i) { return new org.bouncycastle.jcajce.io.CipherInputStream(i, c); }
        public byte[] getMAC() { return null; /* the tag follows the content */ }
        public OutputStream getAADStream() {
          return new OutputStream() {
            public void write(byte[] b, int at, int n) { c.updateAAD(b, at, n); }
            public void write(int b) { c.updateAAD(new byte[] {(byte) b}); }
          };
        }
      });
    } catch (GeneralSecurityException e) { throw new CMSException("content", e); }
  }

  // Version 1.72 has recipients of AuthEnvelopedData with attributes for key transport only.
  static class Agree extends JceKeyAgreeRecipient {
    Agree(PrivateKey key) { super(key); setProvider(BC); }
    public RecipientOperator getRecipientOperator(AlgorithmIdentifier a, AlgorithmIdentifier c, SubjectPublicKeyInfo sender, ASN1OctetString ukm, byte[] wrapped) throws CMSException {
      return content(c, extractSecretKey(a, c, sender, ukm, wrapped));
    }
  }
  static class AgreeMontgomery implements KeyAgreeRecipient {
    final PrivateKey key;
    AgreeMontgomery(PrivateKey key) { this.key = key; }
    public AlgorithmIdentifier getPrivateKeyAlgorithmIdentifier() { return PrivateKeyInfo.getInstance(key.getEncoded()).getPrivateKeyAlgorithm(); }
    public RecipientOperator getRecipientOperator(AlgorithmIdentifier a, AlgorithmIdentifier c, SubjectPublicKeyInfo sender, ASN1OctetString ukm, byte[] wrapped) throws CMSException {
      try {
        Cipher w = Cipher.getInstance("AESWrap", BC);
        w.init(Cipher.UNWRAP_MODE, agree(key, KeyFactory.getInstance(key.getAlgorithm(), BC).generatePublic(new X509EncodedKeySpec(sender.getEncoded())), a, ukm));
        return content(c, w.unwrap(wrapped, "AES", Cipher.SECRET_KEY));
      } catch (CMSException e) { throw e;
      } catch (Exception e) { throw new CMSException("agree", e); }
    }
  }
  static class Kek extends JceKEKRecipient {
    Kek(SecretKey k) { super(k); setProvider(BC); }
    public RecipientOperator getRecipientOperator(AlgorithmIdentifier a, AlgorithmIdentifier c, byte[] wrapped) throws CMSException { return content(c, extractSecretKey(a, c, wrapped)); }
  }

  static byte[] open(byte[] msg) throws Exception {
    boolean auth = ContentInfo.getInstance(msg).getContentType().equals(CMSObjectIdentifiers.authEnvelopedData);
    RecipientInformationStore s = auth ? new CMSAuthEnvelopedData(msg).getRecipientInfos() : new CMSEnvelopedData(msg).getRecipientInfos();
    Exception last = new CMSException("nobody we are");
    for (RecipientInformation r : s) {
      try {
        return r.getContent(mine(r, auth));
      } catch (CMSException | RuntimeException e) { last = e; }
    }
    throw last;
  }

  static Recipient mine(RecipientInformation r, boolean auth) throws Exception {
    if (r instanceof PasswordRecipientInformation && has("password")) 
      return new JcePasswordEnvelopedRecipient(o.get("password").toCharArray()).setProvider(BC).setPasswordConversionScheme(PasswordRecipient.PKCS5_SCHEME2_UTF8);
    if (r instanceof KEKRecipientInformation && has("kek")) return new Kek(new SecretKeySpec(HexFormat.of().parseHex(o.get("kek")), "AES"));
    PrivateKey k = has("key") ? key("key") : null;
    if (r instanceof KeyTransRecipientInformation && k != null) return auth ? new JceKeyTransAuthEnvelopedRecipient(k).setProvider(BC) : new JceKeyTransEnvelopedRecipient(k).setProvider(BC);
    if (r instanceof KeyAgreeRecipientInformation && k != null) return k.getAlgorithm().startsWith("X") ? new AgreeMontgomery(k) : auth ? new Agree(k) : new JceKeyAgreeEnvelopedRecipient(k).setProvider(BC);
    throw new CMSException("no key for this recipient");
  }

  // ---- signing ----

  static byte[] compress(byte[] b) throws Exception {
    return new CMSCompressedDataGenerator().generate(new CMSProcessableByteArray(b), new ZlibCompressor()).getEncoded();
  }

  static ContentSigner signer(String method, PrivateKey key) throws Exception {
    if (method.startsWith("ed")) return new JcaContentSignerBuilder(method).setProvider(BC).build(key);
    String hash = method.replaceFirst("^(rsa|pss|ecdsa)-", "").replaceFirst("-(salt.*|mgf.*|keyid|ber|noattr|countersigned)$", "");
    String name = hash.equals("sha512-256") ? "SHA512(256)" : hash.toUpperCase();
    if (method.startsWith("rsa")) return new JcaContentSignerBuilder(name + "withRSA").setProvider(BC).build(key);
    if (method.startsWith("ecdsa")) return new JcaContentSignerBuilder(name + "withECDSA").setProvider(BC).build(key);
    if (method.equals("pss-" + hash)) return new JcaContentSignerBuilder(name + "withRSAandMGF1").setProvider(BC).build(key);
    int digest = MessageDigest.getInstance(jca(hash), BC).getDigestLength();
    int salt = method.endsWith("-salt0") ? 0 : method.endsWith("-salt20") ? 20 : method.endsWith("-saltmax")
        ? ((java.security.interfaces.RSAKey) key).getModulus().bitLength() / 8 - digest - 2 : digest;
    String mgf = method.endsWith("mgf1sha1") ? "SHA-1" : jca(hash);
    return new JcaContentSignerBuilder(name + "withRSAandMGF1", new PSSParameterSpec(jca(hash), "MGF1", new MGF1ParameterSpec(mgf), salt, 1)).setProvider(BC).build(key);
  }

  static SignerInfoGenerator info(String method, String k, String c) throws Exception {
    JcaSignerInfoGeneratorBuilder b = new JcaSignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder().setProvider(BC).build());
    b.setDirectSignature(method.endsWith("-noattr"));
    ContentSigner s = signer(method, key(k));
    return method.endsWith("-keyid") ? b.build(s, keyID(holder(c))) : b.build(s, holder(c));
  }

  static byte[] sign(CMSTypedData content) throws Exception {
    String method = o.get("method");
    boolean inside = !o.get("form").equals("detached");
    if (o.get("form").equals("compressed")) {
      ContentInfo z = ContentInfo.getInstance(compress((byte[]) content.getContent()));
      content = new CMSProcessableByteArray(CMSObjectIdentifiers.compressedData, z.getContent().toASN1Primitive().getEncoded());
    }
    List<SignerInfoGenerator> signers = new ArrayList<>();
    signers.add(info(method.equals("two") ? "rsa-sha256" : method, "key", "cert"));
    if (method.equals("two")) signers.add(info("ecdsa-sha256", "key2", "cert2"));
    if (method.endsWith("-ber")) {
      CMSSignedDataStreamGenerator g = new CMSSignedDataStreamGenerator();
      for (SignerInfoGenerator s : signers) g.addSignerInfoGenerator(s);
      g.addCertificate(holder("cert"));
      ByteArrayOutputStream b = new ByteArrayOutputStream();
      try (OutputStream w = g.open(b, inside)) { w.write((byte[]) content.getContent()); }
      return b.toByteArray();
    }
    CMSSignedDataGenerator g = new CMSSignedDataGenerator();
    for (SignerInfoGenerator s : signers) g.addSignerInfoGenerator(s);
    g.addCertificate(holder("cert"));
    if (has("cert2")) g.addCertificate(holder("cert2"));
    CMSSignedData d = g.generate(content, inside);
    if (method.endsWith("-countersigned")) {
      List<SignerInformation> l = new ArrayList<>();
      for (SignerInformation s : d.getSignerInfos()) l.add(SignerInformation.addCounterSigners(s, g.generateCounterSigners(s)));
      d = CMSSignedData.replaceSigners(d, new SignerInformationStore(l));
    }
    return d.getEncoded();
  }

  static byte[] verify() throws Exception {
    CMSSignedData d = has("content") ? new CMSSignedData(new CMSProcessableByteArray(in("content")), in("in")) : new CMSSignedData(in("in"));
    PublicKey ca = cert(holder("ca")).getPublicKey();
    int n = 0;
    for (SignerInformation s : d.getSignerInfos()) {
      Iterator<?> certs = d.getCertificates().getMatches(s.getSID()).iterator();
      if (!certs.hasNext()) throw new CMSException("no certificate");
      X509CertificateHolder h = (X509CertificateHolder) certs.next();
      cert(h).verify(ca, BC);
      if (!s.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(cert(h)))) throw new CMSException("bad signature");
      n++;
    }
    if (n == 0) throw new CMSException("no signer");
    return has("content") ? in("content") : (byte[]) d.getSignedContent().getContent();
  }
}
