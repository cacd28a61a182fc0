/** Codes x.1.y of RFC 3463 that are about recipients, as they are called when a sender is refused. */
const FOR_SENDERS: Readonly<Record<string, string>> = {
  "0": "0",
  "1": "7",
  "2": "8",
  "3": "7",
  "4": "7",
  "6": "7",
  "7": "7",
  "8": "8",
};

/** The same the other way round. */
const FOR_RECIPIENTS: Readonly<Record<string, string>> = {
  "0": "0",
  "1": "1",
  "2": "2",
  "3": "3",
  "4": "4",
  "5": "5",
  "6": "6",
  "7": "3",
  "8": "2",
};

const ADDRESS_STATUS = /^(\d)\.1\.(\d+)$/;

/**
 * An enhanced code that suits the subject of a refusal. Codes `x.1.y` are about mailboxes: those for senders differ from
 * those for recipients, and where neither is refused there is only `x.0.0`.
 */
export function fixedStatus(enhanced: string, nameClass: string): string {
  const match = ADDRESS_STATUS.exec(enhanced);
  if (match === null) return enhanced;
  const [, family, detail] = match;
  if (nameClass === "Sender address") return `${family}.1.${FOR_SENDERS[detail!] ?? "0"}`;
  if (nameClass === "Recipient address") return `${family}.1.${FOR_RECIPIENTS[detail!] ?? "0"}`;
  return `${family}.0.0`;
}
