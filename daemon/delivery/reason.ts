import { splitStatus } from "../../core/status/mod.ts";
import type { DsnDetail } from "./types.ts";

/**
 * A next hop such as `5.1.1 no such user` as the fate of a recipient. A code of a class that does not fit what is made of
 * it is for the recorder to put right.
 * @param standard the code for a next hop without one
 */
export function splitReason(nexthop: string, standard: string): DsnDetail {
  const { status, text } = splitStatus(nexthop, standard);
  return { status, reason: text || "?" };
}
