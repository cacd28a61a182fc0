import type { Subject } from "./allow_list.ts";
import type { GreylistQuestion } from "./types.ts";

/** A client as `postel_greylist_allow_clients` is asked for it: names first, then addresses. */
export function clientSubject({ clientName, clientAddress }: GreylistQuestion): Subject {
  return {
    keys: [...parents(clientName), ...shorter(clientAddress)],
    address: clientAddress,
    text: clientName,
  };
}

/** A recipient as `postel_greylist_allow_recipients` is asked for it. */
export function recipientSubject({ recipient }: GreylistQuestion): Subject {
  return { keys: mailKeys(recipient), text: recipient };
}

/** A name and those above it. */
function parents(name: string): string[] {
  const labels = name.toLowerCase().split(".");
  return labels.map((_, index) => labels.slice(index).join("."));
}

/** An address, and an IPv4 address without its last numbers. */
function shorter(address: string): string[] {
  if (address.includes(":")) return [address];
  const parts = address.split(".");
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("."));
}

/** `user@domain`, `user@`, the domain and those above it. */
function mailKeys(address: string): string[] {
  const at = address.lastIndexOf("@");
  if (at < 0) return [address];
  return [address.toLowerCase(), `${address.slice(0, at).toLowerCase()}@`, ...parents(address.slice(at + 1))];
}
