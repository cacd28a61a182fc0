import { AttributeWriter } from "./attribute_writer.ts";
import type { AttributeReader } from "./attribute_reader.ts";
import { AttributeError, type AttributeForm } from "./types.ts";

/** What the server says first, by service; since Postfix 3.6. The two r in the one for verify are Postfix's. */
const PROTOCOLS = {
  cleanup: "cleanup_protocol",
  showq: "mail_queue_list_protocol",
  flush: "queue_flush_protocol",
  bounce: "delivery_status_protocol",
  delivery: "delivery_request_protocol",
  rewrite: "trivial_rewrite_protocol",
  verify: "address_verification_prrotocol",
  proxymap: "proxymap_protocol",
  scache: "connection_cache_protocol",
  tlsmgr: "tlsmgr_protocol",
  tlsproxy: "tlsproxy_protocol",
  anvil: "anvil_protocol",
  postdrop: "postdrop_protocol",
} as const;

export type ServiceProtocol = keyof typeof PROTOCOLS;

/** The list that a server of `service` opens the conversation with, and `extra` pairs in it (`queue_id`). */
export function announcement(
  service: ServiceProtocol,
  extra: readonly (readonly [string, string])[] = [],
): Uint8Array<ArrayBuffer> {
  const form: AttributeForm = service === "anvil" ? "plain" : "nul";
  const writer = new AttributeWriter(form).text("protocol", PROTOCOLS[service]);
  for (const [name, value] of extra) writer.text(name, value);
  return writer.end().view();
}

/** Reads a server's first list and checks that it speaks for `service`; the other pairs of it are returned. */
export async function readAnnouncement(
  reader: AttributeReader,
  service: ServiceProtocol,
): Promise<Map<string, string>> {
  const protocol = await reader.text("protocol");
  if (protocol !== PROTOCOLS[service]) {
    throw new AttributeError("order", `Expected protocol "${PROTOCOLS[service]}", found "${protocol}"`);
  }
  return await reader.rest();
}
