import {
  announcement,
  AttributeReader,
  AttributeWriter,
  type ByteSink,
  type ByteSource,
  readAnnouncement,
} from "../../core/ipc/mod.ts";

/** What the flush service answers. */
export const FlushStatus = { Ok: 0, Bad: 3, Denied: 4, Failed: -1 } as const;

/** A request to the flush service. `send_all` is ours: `postqueue -f` for users without access to `public`. */
export type FlushRequest =
  | { readonly request: "add"; readonly site: string; readonly id: string }
  | { readonly request: "send_site"; readonly site: string }
  | { readonly request: "send_file"; readonly id: string }
  | { readonly request: "rfrsh" | "purge" | "send_all" };

/** Sends one request over an open connection and reads the status. Throws `AttributeError`. */
export async function askFlush(connection: ByteSource & ByteSink, request: FlushRequest): Promise<number> {
  const reader = new AttributeReader(connection);
  await readAnnouncement(reader, "flush");
  const writer = new AttributeWriter().text("request", request.request);
  if ("site" in request) writer.text("site", request.site);
  if ("id" in request) writer.text("queue_id", request.id);
  await writer.end().flush(connection);
  return await reader.integer("status");
}

/** A source that first gives back what was read already. */
function withFirst(first: Uint8Array, rest: ByteSource): ByteSource {
  let pending: Uint8Array = first;
  return {
    read(buffer) {
      if (pending.length === 0) return rest.read(buffer);
      const count = Math.min(buffer.length, pending.length);
      buffer.set(pending.subarray(0, count));
      pending = pending.subarray(count);
      return Promise.resolve(count);
    },
  };
}

/**
 * Reads a request. The master's wake-up, one or two bytes, is a refresh; undefined for a client that went away or a
 * request that nobody knows. Throws `AttributeError`.
 */
export async function readFlushRequest(
  connection: ByteSource,
): Promise<FlushRequest | "wakeup" | undefined> {
  const first = new Uint8Array(4096);
  const count = await connection.read(first);
  if (count === null) return undefined;
  if (count <= 2) return "wakeup";
  const reader = new AttributeReader(withFirst(first.subarray(0, count), connection));
  const request = await reader.text("request");
  switch (request) {
    case "add":
      return { request, site: await reader.text("site"), id: await reader.text("queue_id") };
    case "send_site":
      return { request, site: await reader.text("site") };
    case "send_file":
      return { request, id: await reader.text("queue_id") };
    case "rfrsh":
    case "purge":
    case "send_all":
      return { request };
    default:
      return undefined;
  }
}

/** The server's first words. */
export function flushGreeting(): Uint8Array<ArrayBuffer> {
  return announcement("flush");
}

/** The answer to a request. */
export function flushAnswer(status: number): Uint8Array<ArrayBuffer> {
  return new AttributeWriter().integer("status", status).end().view();
}
