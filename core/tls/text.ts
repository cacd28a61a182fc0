import type { Signature, TlsSession } from "./types.ts";

function algorithm(signature: Signature): string {
  const { key } = signature;
  if (key.algorithm === "RSA") return `RSA-PSS (${key.bits} bits)`;
  return key.curve === "" ? key.algorithm : `${key.algorithm} (${key.curve})`;
}

/** `TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)` */
export function cipherText(session: TlsSession): string {
  const { protocol, cipher, cipherBits } = session;
  return `${protocol} with cipher ${cipher} (${cipherBits}/${cipherBits} bits)`;
}

/** In a resumed session nobody signs: there is a key to name, but no digest. */
function signatureText(side: "server" | "client", { resumed, ...session }: TlsSession): string {
  const signature = session[`${side}Signature`];
  if (signature === undefined) return "";
  const digest = resumed || signature.digest === "" ? "" : ` ${side}-digest ${signature.digest}`;
  return `${side}-signature ${algorithm(signature)}${digest}`;
}

/** The two further parts of a description; empty where there is nothing to say. */
export function exchangeTexts(session: TlsSession): string[] {
  const { keyExchange } = session;
  const first = [
    keyExchange === undefined ? "" : `key-exchange ${keyExchange}`,
    signatureText("server", session),
  ].filter((text) => text !== "").join(" ");
  return [first, signatureText("client", session)].filter((text) => text !== "");
}

/** `TLSv1.3 with cipher ... (256/256 bits) key-exchange X25519 server-signature ...`, as log lines have it. */
export function sessionText(session: TlsSession): string {
  return [cipherText(session), ...exchangeTexts(session)].join(" ");
}
