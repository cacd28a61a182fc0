import { encodeText } from "../../../core/bytes/mod.ts";
import { encodeXtext } from "../../../core/smtp/mod.ts";
import { clientFingerprints } from "../fingerprints.ts";
import type { Client } from "../client.ts";
import { printable } from "../printable.ts";
import type { Session } from "../session.ts";
import type { Check } from "./check.ts";

/** The attributes that stay the same for a client, as long as it is the same one: XCLIENT makes another of it. */
const clientParts = new WeakMap<Client, string>();

function clientPart(client: Client): string {
  let text = clientParts.get(client);
  if (text === undefined) {
    text = `client_address=${client.address}\nclient_name=${client.name}\nclient_port=${client.port}\n` +
      `reverse_client_name=${client.reverseName}\n` +
      `server_address=${client.serverAddress}\nserver_port=${client.serverPort}\n`;
    clientParts.set(client, text);
  }
  return text;
}

/** The attributes of a request (SMTPD_POLICY_README), in the order in which Postfix sends them. */
export function policyRequest(check: Check, context: string): Uint8Array {
  const { session, subject } = check;
  const { service, transaction, login } = session;
  const { config } = service.deps;
  const accepted = check.stage === "recipient" ? 0 : transaction?.recipients ?? 0;
  return encodeText(
    `request=smtpd_access_policy\nprotocol_state=${session.where}\nprotocol_name=${session.protocol}\n` +
      clientPart(session.client) +
      `helo_name=${shown(session.helo)}\nsender=${shown(check.sender)}\nrecipient=${
        shown(check.recipient)
      }\n` +
      `recipient_count=${accepted}\nqueue_id=${transaction?.queueId ?? ""}\ninstance=${instance(session)}\n` +
      `size=${transaction?.content?.size ?? transaction?.declaredSize ?? 0}\n` +
      `etrn_domain=${shown(subject.etrn)}\nstress=${config.string("stress")}\n` +
      `sasl_method=${login?.method ?? ""}\nsasl_username=${login?.user ?? ""}\n` +
      `sasl_sender=${shown(transaction?.saslSender)}\n` +
      (session.tls === undefined ? PLAINTEXT : tlsPart(session)) +
      `policy_context=${context}\ncompatibility_level=${config.string("compatibility_level")}\n` +
      `mail_version=${config.string("mail_version")}\n\n`,
  );
}

function shown(value: string | undefined): string {
  return value === undefined || value === "" ? "" : printable(value);
}

/** The same for all requests about one message, and for no other message. */
function instance(session: Session): string {
  const started = session.transaction?.arrival ?? { seconds: 0, micros: 0 };
  return [Deno.pid, started.seconds, started.micros, session.serial].map((part) => part.toString(16)).join(
    ".",
  );
}

const PLAINTEXT = "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n" +
  "encryption_protocol=\nencryption_cipher=\nencryption_keysize=0\n";

/** What a session under TLS has to tell; names only from certificates that are trusted. */
function tlsPart(session: Session): string {
  const { tls } = session;
  const named = tls?.trusted === true ? tls.peer : undefined;
  const prints = clientFingerprints(session);
  return `ccert_subject=${encodeXtext(named?.subject ?? "")}\nccert_issuer=${
    encodeXtext(named?.issuer ?? "")
  }\n` +
    `ccert_fingerprint=${prints?.certificate ?? ""}\nccert_pubkey_fingerprint=${prints?.publicKey ?? ""}\n` +
    `encryption_protocol=${tls?.protocol ?? ""}\nencryption_cipher=${tls?.cipher ?? ""}\n` +
    `encryption_keysize=${tls?.cipherBits ?? 0}\n`;
}
