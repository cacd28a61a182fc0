/** A tag of BATV: ten letters and digits in front of or behind the local part. */
const TAG = /^[0-9a-z]{10}/;

/** The local part inside of `prvs=tag=local` or `prvs=local=tag` (BATV); undefined if it is neither. */
function withoutBatv(local: string): string | undefined {
  if (!local.startsWith("prvs=")) return undefined;
  const parts = local.split("=");
  if (parts.length !== 3) return undefined;
  const [, second, third] = parts as [string, string, string];
  return TAG.test(third) && !TAG.test(second) ? second : third;
}

/** A sender as the greylist knows it: what changes from message to message of one origin is left out. */
export function senderKey(sender: string): string {
  const at = sender.indexOf("@");
  if (at < 0) return sender;
  const given = sender.slice(0, at);
  const local = (withoutBatv(given) ?? given)
    // Mailing lists name the message or the reader in an extension, or in numbers.
    .replace(/\+.*/s, "")
    .replace(/\b\d+\b/g, "#");
  return `${local}${sender.slice(at)}`;
}
