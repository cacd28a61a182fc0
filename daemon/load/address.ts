/** Where to connect or listen. */
export type Address =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

const NAMED_PORTS: Readonly<Record<string, number>> = { smtp: 25, submission: 587, lmtp: 24 };

/**
 * `host:port`, `[address]:port`, `:port`, `inet:host:port`, `unix:path`; `host` alone means port 25.
 * Throws `RangeError` for anything else.
 */
export function parseAddress(text: string, defaultHost: string): Address {
  if (text.startsWith("unix:")) return { transport: "unix", path: text.slice(5) };
  const rest = text.replace(/^inet:/, "");
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::([A-Za-z0-9]+))?$/.exec(rest);
  const word = match?.[3] ?? "25";
  const port = /^\d+$/.test(word) ? Number(word) : NAMED_PORTS[word];
  if (match === null || port === undefined || port > 65535) {
    throw new RangeError(`bad address "${text}": use host:port, [address]:port or unix:path`);
  }
  return { transport: "tcp", hostname: match[1] ?? (match[2] || defaultHost), port };
}
