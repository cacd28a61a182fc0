import { startSmtpd } from "../smtpd/testing.ts";

/**
 * An SMTP server of our own with TLS, for tests of the client. It takes all mail from this machine.
 * @param directory holds the key and certificate of `makeCertificates`
 * @param settings further main.cf settings, and others in the place of these
 */
export function startTlsServer(
  directory: string,
  settings: Readonly<Record<string, string>> = {},
): ReturnType<typeof startSmtpd> {
  return startSmtpd({
    myhostname: "mail.example.test",
    mynetworks: "127.0.0.0/8",
    local_recipient_maps: "",
    smtpd_relay_restrictions: "permit_mynetworks, reject_unauth_destination",
    smtpd_tls_security_level: "may",
    smtpd_tls_cert_file: `${directory}/server.pem`,
    smtpd_tls_key_file: `${directory}/server.key`,
    ...settings,
  });
}
