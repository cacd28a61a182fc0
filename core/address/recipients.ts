import { splitStatus } from "../status/mod.ts";
import type { AddressDeps } from "./types.ts";
import { findAddress, type FindRules } from "./find.ts";
import { type MapList, openMapList } from "./map_list.ts";
import type { Resolved } from "./resolved.ts";
import type { Steps } from "./steps.ts";

/** What smtpd may say about an address that no mailbox is behind. */
export type RecipientCheck =
  | { readonly known: true; readonly resolved: Resolved }
  | {
    readonly known: false;
    readonly resolved: Resolved;
    /** SMTP reply code from the class's `unknown_..._reject_code`. */
    readonly replyCode: number;
    /** Enhanced status code. */
    readonly code: string;
    /** `User unknown in local recipient table`; stands behind `<address>: Recipient address rejected: `. */
    readonly text: string;
  };

/** Looks recipients up the way smtpd does before it accepts them. */
export interface RecipientChecker {
  /** `role` "sender" changes 5.1.1 to 5.1.0 (smtpd_reject_unlisted_sender). */
  check(resolved: Resolved, role: "recipient" | "sender"): Steps<RecipientCheck>;
}

/** The tables of valid recipients, one list for each class. */
export function createRecipientChecker(deps: AddressDeps, rules: FindRules): RecipientChecker {
  const { config } = deps;
  const rewriting = ["recipient_canonical_maps", "canonical_maps", "virtual_alias_maps"].map((name) =>
    openMapList(deps, name)
  ).filter((maps) => !maps.isEmpty);
  const senderCanonical = openMapList(deps, "sender_canonical_maps");
  const local = openMapList(deps, "local_recipient_maps");
  const mailbox = openMapList(deps, "virtual_mailbox_maps");
  const relay = openMapList(deps, "relay_recipient_maps");
  const tableSuffix = (name: string) =>
    config.bool("show_user_unknown_table_name") ? ` in ${name} table` : "";
  const alwaysThere = [config.string("double_bounce_sender"), "postmaster", "mailer-daemon"]
    .map((name) => `${name.toLowerCase()}@`);

  function* listed(maps: MapList, address: string): Steps<boolean> {
    return (yield* findAddress(rules, maps, address)) !== undefined;
  }

  return {
    *check(resolved, role) {
      const { recipient, addressClass, transport, nexthop } = resolved;
      if (role === "sender" && (yield* listed(senderCanonical, recipient))) return { known: true, resolved };
      for (const maps of rewriting) if (yield* listed(maps, recipient)) return { known: true, resolved };
      if (transport === "error" || transport === "retry") {
        const standard = `${transport === "retry" ? 4 : 5}.1.${role === "sender" ? 0 : 1}`;
        const { status, text } = splitStatus(nexthop, standard);
        const replyCode = transport === "retry"
          ? 450
          : addressClass === "virtual alias"
          ? config.int("unknown_virtual_alias_reject_code")
          : 550;
        return {
          known: false,
          resolved,
          replyCode,
          code: status,
          text,
        };
      }
      const code = role === "sender" ? "5.1.0" : "5.1.1";
      const unknown = (parameter: string, table: string): RecipientCheck => ({
        known: false,
        resolved,
        replyCode: config.int(parameter),
        code,
        text: `User unknown${tableSuffix(table)}`,
      });
      switch (addressClass) {
        case "local": {
          const lower = recipient.toLowerCase();
          if (local.isEmpty || alwaysThere.some((name) => lower.startsWith(name))) break;
          if (yield* listed(local, recipient)) break;
          return unknown("unknown_local_recipient_reject_code", "local recipient");
        }
        case "virtual mailbox":
          if (mailbox.isEmpty || (yield* listed(mailbox, recipient))) break;
          return unknown("unknown_virtual_mailbox_reject_code", "virtual mailbox");
        case "relay":
          if (relay.isEmpty || (yield* listed(relay, recipient))) break;
          return unknown("unknown_relay_recipient_reject_code", "relay recipient");
        default:
      }
      return { known: true, resolved };
    },
  };
}
