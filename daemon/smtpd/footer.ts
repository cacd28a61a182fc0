import { expandMacros } from "../../core/config/mod.ts";
import type { Reply } from "../../core/smtp/mod.ts";
import type { Session } from "./session.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Nov 23 04:56:51` in local time. */
function localTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${MONTHS[date.getMonth()]} ${two(date.getDate())} ${two(date.getHours())}:${
    two(date.getMinutes())
  }:${two(date.getSeconds())}`;
}

/**
 * A refusal with `smtpd_reject_footer` behind it: on the same line if the footer begins with `\c`, else on lines of its
 * own, which `\n` separates.
 */
export function withFooter(session: Session, reply: Reply, template: string): Reply {
  const { client, transaction, settings } = session;
  const values: Readonly<Record<string, string | undefined>> = {
    client: client.label,
    client_address: client.address,
    client_name: client.name,
    client_port: client.port,
    helo_name: session.helo,
    localtime: localTime(new Date()),
    recipient: transaction?.firstRecipient,
    sender: transaction?.sender,
    server_name: settings.hostname,
    server_address: client.serverAddress,
    server_port: client.serverPort,
  };
  // What the client said must not be taken for a reference.
  const footer = expandMacros(template, (name) => (values[name] ?? "").replaceAll("$", "$$$$"));
  const glued = footer.startsWith("\\c");
  const text = (glued ? footer.slice(2) : footer).replaceAll("\\n", "\n");
  return { ...reply, text: reply.text + (glued ? "" : "\n") + text };
}
