/**
 * `enforce`: a server that has proved who it is and knows REQUIRETLS, or none; `opportunistic+starttls`: TLS, with or
 * without REQUIRETLS; `opportunistic`: REQUIRETLS is passed on where that is possible; `disable`: it is forgotten.
 */
export type RequireTlsLevel = "enforce" | "opportunistic+starttls" | "opportunistic" | "disable";

/** What a message demands of the sessions that it travels in. */
export interface TlsDemand {
  /** Undefined: the sender did not ask for REQUIRETLS, or the policy is `disable`. */
  readonly level: Exclude<RequireTlsLevel, "disable"> | undefined;
  /** `TLS-Required: no`: better in the clear than not at all. */
  readonly relaxed: boolean;
}

export const NO_DEMAND: TlsDemand = { level: undefined, relaxed: false };

/** Does the demand keep a message from going out in the clear? */
export function demandsTls({ level }: TlsDemand): boolean {
  return level === "enforce" || level === "opportunistic+starttls";
}

/** Sessions that were opened under different demands are not alike: what they may be kept under. */
export function demandLabel(demand: TlsDemand): string {
  if (demandsTls(demand)) return " requiretls";
  return demand.relaxed ? " tls-not-required" : "";
}
