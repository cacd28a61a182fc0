import type { DnsError } from "../../../core/dns/mod.ts";

/** The text of a failed question without the question in front of it. */
export function plainText({ message, queryName, queryType }: DnsError): string {
  const question = `name=${queryName} type=${queryType}: `;
  const at = message.indexOf(question);
  return at < 0 ? message : message.slice(at + question.length);
}

/** What libresolv says of the failure of a question, or what Postfix says in its place. */
export function resolverText(error: DnsError): string {
  if (error.kind === "filtered") return "DNS reply filter policy";
  return error.kind === "noData" ? "Host found but no data record of requested type" : plainText(error);
}
