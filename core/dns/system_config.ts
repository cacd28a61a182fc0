/** /etc/resolv.conf, /etc/nsswitch.conf and /etc/hosts, read again when they change. */
import { canonicalAddress } from "./name.ts";

/** A name server. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** resolv.conf(5). */
export interface ResolverSettings {
  readonly servers: readonly NameServer[];
  readonly search: readonly string[];
  readonly ndots: number;
  /** Seconds before a question is asked again. */
  readonly timeout: number;
  readonly attempts: number;
  readonly rotate: boolean;
  /** `use-vc`: TCP only. */
  readonly tcpOnly: boolean;
}

/** Three name servers at the most, as resolv.conf(5) says. */
const MOST_SERVERS = 3;

function bounded(text: string | undefined, least: number, most: number, otherwise: number): number {
  const value = Number(text);
  return text === undefined || !Number.isInteger(value) ? otherwise : Math.min(Math.max(value, least), most);
}

/** Understands the text of a resolv.conf; what it does not know is ignored, as resolvers do. */
export function parseResolvConf(text: string): ResolverSettings {
  const servers: NameServer[] = [];
  const options = new Map<string, string | undefined>();
  let search: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.replace(/[#;].*$/, "").trim().split(/\s+/);
    if (keyword === "nameserver" && words[0] !== undefined && servers.length < MOST_SERVERS) {
      const address = words[0].includes("%") ? words[0] : canonicalAddress(words[0]);
      if (address !== undefined) servers.push({ address, port: 53 });
    } else if (keyword === "search") search = words;
    else if (keyword === "domain") search = words.slice(0, 1);
    else if (keyword === "options") {
      for (const word of words) {
        const [name, value] = word.split(":");
        options.set(name!, value);
      }
    }
  }
  if (servers.length === 0) servers.push({ address: "127.0.0.1", port: 53 });
  return {
    servers,
    search,
    ndots: bounded(options.get("ndots"), 0, 15, 1),
    timeout: bounded(options.get("timeout"), 1, 30, 5),
    attempts: bounded(options.get("attempts"), 1, 5, 2),
    rotate: options.has("rotate"),
    tcpOnly: options.has("use-vc"),
  };
}

/** The services of the `hosts` line of nsswitch.conf that are known here, in order: `files`, `dns`. */
export function parseNsswitch(text: string): readonly ("files" | "dns")[] {
  for (const line of text.split("\n")) {
    const match = /^\s*hosts:\s*(.*)$/.exec(line.replace(/#.*$/, ""));
    if (match === null) continue;
    const services: ("files" | "dns")[] = [];
    for (const word of match[1]!.split(/\s+/)) {
      // systemd's and the caching daemon's services answer what DNS answers.
      const service = word === "resolve" ? "dns" : word;
      if ((service === "files" || service === "dns") && !services.includes(service)) services.push(service);
    }
    return services;
  }
  return ["files", "dns"];
}

/** hosts(5), both ways. */
export interface HostsFile {
  /** Addresses by lower-case name. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Names by canonical address, the first of a line first. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

/** Reads the text of /etc/hosts; lines without an address are passed over. */
export function parseHosts(text: string): HostsFile {
  const addresses = new Map<string, string[]>();
  const names = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [first, ...words] = line.replace(/#.*$/, "").trim().split(/\s+/);
    const address = first === undefined || first === "" ? undefined : canonicalAddress(first);
    if (address === undefined) continue;
    for (const word of words) {
      const key = word.toLowerCase();
      const known = addresses.get(key);
      if (known === undefined) addresses.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
    // getnameinfo(3) answers with the first line that has the address.
    if (!names.has(address) && words.length > 0) names.set(address, words);
  }
  return { addresses, names };
}

/** How often a file is looked at for a change, in milliseconds. */
const CHECK_INTERVAL = 5000;

/** The parsed content of a file that may change or be missing. */
export class WatchedText<T> {
  #value: T;
  #checked = -Infinity;
  #stamp = "";

  constructor(readonly path: string, readonly parse: (text: string) => T) {
    this.#value = parse("");
  }

  get value(): T {
    const now = performance.now();
    if (now - this.#checked >= CHECK_INTERVAL) {
      this.#checked = now;
      this.#refresh();
    }
    return this.#value;
  }

  #refresh(): void {
    let stamp = "missing";
    try {
      const info = Deno.statSync(this.path);
      stamp = `${info.mtime?.getTime()} ${info.size} ${info.ino}`;
    } catch {
      // A missing file counts as empty, as it does for the C library.
    }
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#value = this.parse(stamp === "missing" ? "" : Deno.readTextFileSync(this.path));
    } catch {
      this.#value = this.parse("");
    }
  }
}
