import {
  type ByteChannel,
  type Families,
  MOST_HEADER_BYTES,
  parseProxyHeader,
  type SmtpStream,
  SmtpStreamError,
} from "../../core/smtp/mod.ts";
import type { Endpoints } from "./client.ts";
import { escaped } from "./pipelining.ts";

/** The proxy in front did not say properly whose connection it hands on; `message` is for the log. */
export class UpstreamProxyError extends Error {
  override readonly name = "UpstreamProxyError";
}

/**
 * Reads the header of a HAProxy in front (`smtpd_upstream_proxy_protocol`). What follows it stays in the stream.
 * @param seconds `smtpd_upstream_proxy_timeout`, for the whole header
 * @returns the ends of the connection that the proxy took; undefined if it speaks for itself
 * @throws UpstreamProxyError
 */
export async function readUpstreamHeader(
  stream: SmtpStream,
  families: Families,
  seconds: number,
): Promise<Endpoints | undefined> {
  stream.setDeadline(seconds);
  for (let ended = false;;) {
    const header = parseProxyHeader(stream.peek(), families, ended);
    switch (header.kind) {
      case "bad":
        throw new UpstreamProxyError(
          stream.buffered === 0
            ? "EOF"
            : `${header.problem}: ${escaped(stream.peek().subarray(0, MOST_HEADER_BYTES))}`,
        );
      case "local":
        stream.skip(header.length);
        return undefined;
      case "proxied":
        stream.skip(header.length);
        return { client: header.client, server: header.server };
      case "incomplete":
        try {
          ended = !await stream.fill();
        } catch (error) {
          if (!(error instanceof SmtpStreamError)) throw error;
          if (error.kind === "closed") throw error;
          if (error.kind === "lost" || stream.buffered === 0) {
            throw new UpstreamProxyError(error.kind === "timeout" ? "timeout error" : "read error");
          }
          // Nothing more came in time: what is there shows what is missing.
          ended = true;
        }
    }
  }
}

/** A channel some of whose input was read already: TLS that begins right behind the header. */
export function withInput(channel: ByteChannel, input: Uint8Array): ByteChannel {
  let left = input.slice();
  return {
    read(into) {
      if (left.length === 0) return channel.read(into);
      const count = Math.min(left.length, into.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return Promise.resolve(count);
    },
    write: (bytes) => channel.write(bytes),
    close: () => channel.close(),
  };
}
