// Opens a CMS AuthEnvelopedData with Bouncy Castle: standard input to standard
// output, with the private key in the PEM file named.
import java.io.*;
import java.security.*;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.cms.GCMParameters;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jcajce.io.CipherInputStream;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.InputAEADDecryptor;

public class AuthOpen {
  // Version 1.72 has such a recipient for key transport only.
  static class Agree extends JceKeyAgreeRecipient {
    Agree(PrivateKey key) { super(key); }

    public RecipientOperator getRecipientOperator(AlgorithmIdentifier wrap, AlgorithmIdentifier content,
        SubjectPublicKeyInfo sender, ASN1OctetString ukm, byte[] wrapped) throws CMSException {
      Cipher c;
      try {
        GCMParameters p = GCMParameters.getInstance(content.getParameters());
        c = Cipher.getInstance("AES/GCM/NoPadding", "BC");
        c.init(Cipher.DECRYPT_MODE, extractSecretKey(wrap, content, sender, ukm, wrapped),
            new GCMParameterSpec(8 * p.getIcvLen(), p.getNonce()));
      } catch (GeneralSecurityException e) {
        throw new CMSException("AES-GCM", e);
      }
      return new RecipientOperator(new InputAEADDecryptor() {
        public AlgorithmIdentifier getAlgorithmIdentifier() { return content; }
        public InputStream getInputStream(InputStream i) { return new CipherInputStream(i, c); }
        public byte[] getMAC() { return null; /* the tag follows the content */ }
        public OutputStream getAADStream() {
          return new OutputStream() {
            public void write(byte[] b, int at, int n) { c.updateAAD(b, at, n); }
            public void write(int b) { c.updateAAD(new byte[] {(byte) b}); }
          };
        }
      });
    }
  }

  public static void main(String[] a) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    PrivateKey key;
    try (PEMParser p = new PEMParser(new FileReader(a[0]))) {
      key = new JcaPEMKeyConverter().setProvider("BC").getPrivateKey((PrivateKeyInfo) p.readObject());
    }
    for (RecipientInformation r : new CMSAuthEnvelopedData(System.in.readAllBytes()).getRecipientInfos()) {
      System.out.write(r.getContent(r instanceof KeyAgreeRecipientInformation
          ? new Agree(key).setProvider("BC") : new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC")));
    }
    System.out.flush();
  }
}
