/** The default of `mynetworks`: the networks of the interfaces that Postfix listens on (postconf(5), mynetworks_style). */
import { splitList } from "./values.ts";

/** An address of this machine, as octets. */
interface OwnAddress {
  readonly octets: readonly number[];
  readonly prefixLength: number;
}

/**
 * @param style `host`, `subnet` or `class`
 * @param interfaces value of inet_interfaces: `all`, `loopback-only`, or addresses and host names (those in /etc/hosts)
 * @param protocols value of inet_protocols
 * @returns such as `127.0.0.0/8 192.0.2.0/24 [::1]/128`
 * @throws Error in Postfix's words
 */
export function ownNetworks(style: string, interfaces: string, protocols: string): string {
  if (style !== "host" && style !== "subnet" && style !== "class") {
    throw new Error(`unknown mynetworks mask style value "${style}" in "${style}"`);
  }
  const sizes = addressSizes(protocols);
  const local = localAddresses().filter((address) => sizes.has(address.octets.length));
  const chosen = selectAddresses(interfaces, local, sizes);
  chosen.sort((a, b) => a.octets.length - b.octets.length || compareOctets(a.octets, b.octets));
  const networks = chosen.map((address) => formatNetwork(address.octets, networkLength(style, address)));
  return [...new Set(networks)].join(" ");
}

/** 4 for IPv4, 16 for IPv6. */
function addressSizes(protocols: string): Set<number> {
  const sizes = new Set<number>();
  for (const name of splitList(protocols.toLowerCase())) {
    if (name === "all" || name === "ipv4") sizes.add(4);
    if (name === "all" || name === "ipv6") sizes.add(16);
    if (name !== "all" && name !== "ipv4" && name !== "ipv6") {
      throw new Error(`unknown inet_protocols value "${name}" in "${protocols}"`);
    }
  }
  return sizes;
}

function localAddresses(): OwnAddress[] {
  return Deno.networkInterfaces().flatMap((item) => {
    const octets = parseAddress(item.address);
    const mask = parseAddress(item.netmask);
    if (octets === undefined || mask === undefined) return [];
    const bits = mask.map((octet) => octet.toString(2).replaceAll("0", "").length);
    return [{ octets, prefixLength: bits.reduce((sum, count) => sum + count, 0) }];
  });
}

function selectAddresses(interfaces: string, local: OwnAddress[], sizes: Set<number>): OwnAddress[] {
  const chosen: OwnAddress[] = [];
  for (const name of splitList(interfaces)) {
    if (name.toLowerCase() === "all") {
      chosen.push(...local);
    } else if (name.toLowerCase() === "loopback-only") {
      chosen.push(...local.filter((address) => isLoopback(address.octets)));
    } else {
      chosen.push(...hostAddresses(name, local, sizes));
    }
  }
  if (chosen.length === 0 && interfaces.trim() !== "") {
    throw new Error("no local interface found that matches inet_interfaces and inet_protocols");
  }
  return chosen;
}

function hostAddresses(name: string, local: OwnAddress[], sizes: Set<number>): OwnAddress[] {
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  const numeric = parseAddress(bare);
  const found = numeric === undefined ? lookupHostsFile(bare) : [numeric];
  if (found.length === 0) throw new Error(`config variable inet_interfaces: host not found: ${name}`);
  return found.filter((octets) => sizes.has(octets.length)).map((octets) => {
    const own = local.find((address) => compareOctets(address.octets, octets) === 0);
    if (own === undefined) throw new Error(`parameter inet_interfaces: no local interface found for ${bare}`);
    return own;
  });
}

/** Addresses that /etc/hosts gives for a name. A default can't wait for the network. */
function lookupHostsFile(name: string): number[][] {
  let text: string;
  try {
    text = Deno.readTextFileSync("/etc/hosts");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const octets = names.some((other) => other.toLowerCase() === name.toLowerCase())
      ? parseAddress(address!)
      : undefined;
    return octets === undefined ? [] : [octets];
  });
}

function isLoopback(octets: readonly number[]): boolean {
  if (octets.length === 4) return octets[0] === 127;
  return octets.every((octet, at) => octet === (at === 15 ? 1 : 0));
}

/** Bits of the network part. Class D and E addresses and IPv6 have no classes: the interface's mask counts. */
function networkLength(style: "host" | "subnet" | "class", address: OwnAddress): number {
  if (style === "host") return address.octets.length * 8;
  if (style === "class" && address.octets.length === 4) {
    const first = address.octets[0]!;
    if (first < 128) return 8;
    if (first < 192) return 16;
    if (first < 224) return 24;
  }
  return address.prefixLength;
}

function compareOctets(left: readonly number[], right: readonly number[]): number {
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at] !== right[at]) return left[at]! - right[at]!;
  }
  return left.length - right.length;
}

function formatNetwork(octets: readonly number[], length: number): string {
  const network = octets.map((octet, at) =>
    octet & (0xff << Math.max(0, Math.min(8, 8 - (length - at * 8)))) & 0xff
  );
  if (network.length === 4) return `${network.join(".")}/${length}`;
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((network[at]! * 256 + network[at + 1]!).toString(16));
  return `${new URL(`http://[${groups.join(":")}]/`).hostname}/${length}`;
}

/** Octets of an IPv4 or IPv6 address (without brackets or scope); undefined for anything else. */
function parseAddress(text: string): number[] | undefined {
  if (/^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(text)) {
    const octets = text.split(".").map(Number);
    return octets.every((octet) => octet < 256) ? octets : undefined;
  }
  const url = text.includes(":") ? URL.parse(`http://[${text.replace(/%.*/, "")}]/`) : null;
  if (url === null) return undefined;
  const [head = "", tail = ""] = url.hostname.slice(1, -1).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const left = groups(head);
  const right = groups(tail);
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]);
}
