import { isIPv4, isIPv6 } from "node:net";

/** The network that a client is counted as (`smtpd_client_ipv4_prefix_length`, `smtpd_client_ipv6_prefix_length`). */
export class ClientNetworks {
  constructor(private readonly bits4: number, private readonly bits6: number) {}

  /** `192.0.2.1` for whole addresses, `192.0.2.0/24` for a network. */
  of(address: string): string {
    if (isIPv4(address)) {
      if (this.bits4 >= 32) return address;
      const octets = address.split(".").map(Number);
      return `${masked(octets, 8, this.bits4).join(".")}/${this.bits4}`;
    }
    if (!isIPv6(address) || this.bits6 >= 128) return address;
    const groups = masked(groupsOf(address), 16, this.bits6).map((group) => group.toString(16)).join(":");
    return `${new URL(`http://[${groups}]/`).hostname.slice(1, -1)}/${this.bits6}`;
  }
}

function masked(parts: readonly number[], width: number, bits: number): number[] {
  return parts.map((part, index) => {
    const kept = Math.max(0, Math.min(width, bits - index * width));
    return part & ((2 ** width - 1) ^ (2 ** (width - kept) - 1));
  });
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const canonical = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const [left = "", right] = canonical.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  return [...head, ...Array(8 - head.length - tail.length).fill(0), ...tail];
}
