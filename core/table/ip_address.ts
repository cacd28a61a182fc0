/** An address as four 32-bit words, most significant first; IPv4 uses the last one only. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

/** Decimal 0 to 255 in four parts without leading zeros, as inet_pton(3) takes it; the number, or -1. */
function parseIpv4(text: string): number {
  let value = 0;
  let part = -1;
  let parts = 0;
  for (let at = 0; at <= text.length; at++) {
    const code = at === text.length ? 0x2e : text.charCodeAt(at);
    if (code === 0x2e) {
      if (part < 0 || part > 255 || parts === 4) return -1;
      value = value * 256 + part;
      parts += 1;
      part = -1;
    } else if (code >= 0x30 && code <= 0x39) {
      if (part === 0) return -1;
      part = (part < 0 ? 0 : part * 10) + code - 0x30;
      if (part > 255) return -1;
    } else return -1;
  }
  return parts === 4 ? value : -1;
}

/** Reads an IPv4 or IPv6 address (RFC 4291, section 2.2) without brackets or zone; undefined if it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value < 0 ? undefined : { family: 4, words: [0, 0, 0, value] };
  }
  if (text.length > 45) return undefined;
  const double = text.indexOf("::");
  const head = groupsOf(double < 0 ? text : text.slice(0, double));
  const tail = double < 0 ? [] : groupsOf(text.slice(double + 2));
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (double < 0 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (at: number) => groups[at]! * 65536 + groups[at + 1]!;
  return { family: 6, words: [word(0), word(2), word(4), word(6)] };
}

/** 16-bit groups of one side of `::`; the last may be a dotted IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    if (index === parts.length - 1 && part.includes(".")) {
      const value = parseIpv4(part);
      if (value < 0) return undefined;
      groups.push(Math.floor(value / 65536), value % 65536);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** A block of addresses. */
export interface Network {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
  readonly masks: readonly [number, number, number, number];
}

/** Is the address inside the network? */
export function inNetwork(address: IpAddress, network: Network): boolean {
  if (address.family !== network.family) return false;
  const { words: have } = address;
  const { words: want, masks } = network;
  return ((have[3] ^ want[3]) & masks[3]) === 0 && ((have[0] ^ want[0]) & masks[0]) === 0 &&
    ((have[1] ^ want[1]) & masks[1]) === 0 && ((have[2] ^ want[2]) & masks[2]) === 0;
}

function masksFor(family: 4 | 6, length: number): [number, number, number, number] {
  const unused = family === 4 ? 96 : 0;
  const mask = (word: number) => {
    const bits = Math.min(32, Math.max(0, length + unused - word * 32));
    return bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  };
  return family === 4 ? [0, 0, 0, mask(3)] : [mask(0), mask(1), mask(2), mask(3)];
}

/** Prints an address in the form of inet_ntop(3). */
export function formatIp(address: IpAddress): string {
  const { family, words } = address;
  if (family === 4) return [24, 16, 8, 0].map((shift) => (words[3] >>> shift) & 255).join(".");
  const groups = words.flatMap((word) => [Math.floor(word / 65536), word % 65536]);
  const run = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/**
 * Reads `address` or `address/length`, the address possibly in `[ ]` (in `[address]/length` or `[address/length]`).
 * Returns the network, or the sentence that says what is wrong with it, as cidr_table(5) users know it.
 */
export function parseNetwork(text: string): Network | string {
  let pattern = text;
  if (pattern.startsWith("[")) {
    const close = pattern.indexOf("]");
    if (close < 0) return `missing ']' character after "${text}"`;
    const after = pattern.slice(close + 1);
    if (after !== "" && !after.startsWith("/")) return `garbage after "]": "${after}"`;
    pattern = pattern.slice(1, close) + after;
  }
  const slash = pattern.indexOf("/");
  if (slash < 0) {
    const address = parseIp(pattern);
    if (address === undefined) return `bad address pattern: "${text}"`;
    return { ...address, masks: masksFor(address.family, address.family === 4 ? 32 : 128) };
  }
  const net = pattern.slice(0, slash);
  const mask = pattern.slice(slash + 1);
  const widest = net.includes(":") ? 128 : 32;
  if (!/^[0-9]+$/.test(mask)) return `bad mask value in "${text}"`;
  if (Number(mask) > widest) return `bad mask length in "${text}"`;
  const address = parseIp(net);
  if (address === undefined) return `bad network value in "${text}"`;
  const masks = masksFor(address.family, Number(mask));
  const words = address.words.map((word, at) => (word & masks[at]!) >>> 0) as [
    number,
    number,
    number,
    number,
  ];
  if (words.some((word, at) => word !== address.words[at])) {
    const better = `${formatIp({ family: address.family, words })}/${Number(mask)}`;
    return `non-null host address bits in "${text}", perhaps you should use "${better}" instead`;
  }
  return { family: address.family, words, masks };
}
