import type { ProbeResult } from "../delivery/mod.ts";
import { AddressStatus, type AddressVerification } from "./types.ts";

const STATUSES: Readonly<Record<ProbeResult, AddressStatus>> = {
  deliverable: AddressStatus.Deliverable,
  deferred: AddressStatus.Deferred,
  undeliverable: AddressStatus.Undeliverable,
};

/** What delivery agents call when a probe has come to its end. */
export function probeResults(
  verify: AddressVerification,
): (address: string, result: ProbeResult, reason: string) => Promise<void> {
  return (address, result, text) => verify.update(address, { status: STATUSES[result], text });
}
