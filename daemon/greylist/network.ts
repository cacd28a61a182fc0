import ipaddr from "ipaddr.js";

/** The network of an address: `192.0.2.0` of `192.0.2.77` with 24 bits. The text itself if it is no address. */
export function networkOf(address: string, bits4: number, bits6: number): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  const bits = parsed.kind() === "ipv4" ? bits4 : bits6;
  const bytes = parsed.toByteArray().map((byte, index) => {
    const kept = Math.max(0, Math.min(8, bits - index * 8));
    return byte & (0xff00 >> kept) & 0xff;
  });
  return ipaddr.fromByteArray(bytes).toString();
}

/** Understands an address, a network or the first numbers of an IPv4 address; undefined if it is none of them. */
export function parseNetwork(text: string): ((address: string) => boolean) | undefined {
  const short = /^\d{1,3}(\.\d{1,3}){1,2}$/.exec(text);
  const parts = text.split(".");
  const whole = short === null ? text : `${[...parts, "0", "0"].slice(0, 4).join(".")}/${parts.length * 8}`;
  const slash = whole.indexOf("/");
  const base = (slash < 0 ? whole : whole.slice(0, slash)).replace(/^\[(.*)\]$/, "$1");
  if (!ipaddr.isValid(base) || (!base.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(base))) {
    return undefined;
  }
  const parsed = ipaddr.process(base);
  const most = parsed.kind() === "ipv4" ? 32 : 128;
  const bits = slash < 0 ? most : Number(whole.slice(slash + 1));
  if (!Number.isInteger(bits) || bits < 0 || bits > most) return undefined;
  return (address) => {
    if (!ipaddr.isValid(address)) return false;
    const other = ipaddr.process(address);
    return other.kind() === parsed.kind() && other.match([parsed, bits] as never);
  };
}
