import { basicRestrictions } from "./basic.ts";
import { certificateRestrictions } from "./ccert.ts";
import { destinationRestrictions } from "./destinations.ts";
import { dnsblRestrictions } from "./dnsbl.ts";
import { greylistRestrictions } from "./greylist.ts";
import { hostRestrictions } from "./hosts.ts";
import { mapRestrictions } from "./maps.ts";
import { mxBackupRestrictions } from "./mx_backup.ts";
import { policyRestrictions } from "./policy.ts";
import type { Restriction } from "./restriction.ts";
import { saslRestrictions } from "./sasl.ts";
import { serverRestrictions } from "./servers.ts";
import { unverifiedRestrictions } from "./unverified.ts";

/** All restrictions by name, as postconf(5) lists them. */
export const restrictions: ReadonlyMap<string, Restriction> = new Map(Object.entries({
  ...basicRestrictions,
  ...hostRestrictions,
  ...destinationRestrictions,
  ...mapRestrictions,
  ...certificateRestrictions,
  ...saslRestrictions,
  ...policyRestrictions,
  ...dnsblRestrictions,
  ...serverRestrictions,
  ...mxBackupRestrictions,
  ...unverifiedRestrictions,
  ...greylistRestrictions,
}));

/** The names of all restrictions, for advice about a name that is none of them. */
export const restrictionNames: readonly string[] = [...restrictions.keys(), "warn_if_reject"];
