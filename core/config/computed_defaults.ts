/** Defaults that depend on the machine: host and domain name, own networks. */
import { ownNetworks } from "./own_networks.ts";

/** The domain of a host whose name has no dot, unless `mydomain` is set. */
const DEFAULT_DOMAIN = "localdomain";

/** What the computation may ask for. */
export interface DefaultsContext {
  /** Expanded value of a parameter. */
  value(name: string): string;
  isSet(name: string): boolean;
  /** Name of the running program, for `process_name`. */
  readonly programName: string;
}

/** Puts the value for a token such as `@hostname@`; other text is returned as it is. */
export function computeDefault(token: string, context: DefaultsContext): string {
  switch (token) {
    case "@hostname@": {
      const host = Deno.hostname();
      return host.includes(".")
        ? host
        : `${host}.${context.isSet("mydomain") ? context.value("mydomain") : DEFAULT_DOMAIN}`;
    }
    case "@domain@": {
      const host = context.value("myhostname");
      const dot = host.indexOf(".");
      return dot < 0 ? DEFAULT_DOMAIN : host.slice(dot + 1);
    }
    case "@mynetworks@":
      return ownNetworks(
        context.value("mynetworks_style"),
        context.value("inet_interfaces"),
        context.value("inet_protocols"),
      );
    case "@pid@":
      return String(Deno.pid);
    case "@program@":
      return context.programName;
    default:
      return token;
  }
}
