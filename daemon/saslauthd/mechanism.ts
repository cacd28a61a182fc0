/** Which mechanism a name means. */
import { messageOf } from "../../core/errors/mod.ts";
import { getpwentMechanism, pamMechanism, sasldbMechanism, shadowMechanism } from "./accounts.ts";
import { httpformMechanism } from "./httpform.ts";
import { portNumber } from "./remote.ts";
import { rimapMechanism } from "./rimap.ts";
import { type Mechanism, MechanismError } from "./types.ts";

/** The names that `-a` takes, in the order in which they are listed. */
export const mechanismNames = ["sasldb", "getpwent", "pam", "rimap", "shadow", "ldap", "httpform"] as const;

/**
 * Makes a mechanism ready. Rejects with `MechanismError` for an unknown name, for options that can't be used, and where a
 * library is missing.
 * @param option the argument of `-O`; empty if there is none
 */
export async function openMechanism(name: string, option: string, hostname: string): Promise<Mechanism> {
  switch (name) {
    case "sasldb":
      return sasldbMechanism(hostname, option || undefined);
    case "getpwent":
      return getpwentMechanism();
    case "shadow":
      return shadowMechanism();
    case "pam":
      return pamMechanism();
    case "rimap":
      if (option === "") throw new MechanismError("rimap needs -O with the server: host or host/port");
      checkPort(option.split("/")[1] ?? "143");
      return rimapMechanism(option);
    case "httpform":
      return httpformMechanism(option || undefined);
    case "ldap": {
      const { ldapMechanism } = await import("./ldap.ts");
      return ldapMechanism(option || undefined);
    }
    case "kerberos5":
    case "kerberos4":
      throw new MechanismError(`${name} is not supported: use pam with pam_krb5`);
    default:
      throw new MechanismError(
        `unknown authentication mechanism: ${name}: use one of ${mechanismNames.join(" ")}`,
      );
  }
}

function checkPort(port: string): void {
  try {
    portNumber(port);
  } catch (error) {
    throw new MechanismError(messageOf(error));
  }
}
