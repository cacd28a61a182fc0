/** How often a command came and how often it was accepted. */
interface Count {
  total: number;
  accepted: number;
}

/** What a session has done, as the line about its end tells. */
export class CommandCounts {
  readonly #counts = new Map<string, Count>();

  /** A command came. */
  came(command: string): void {
    const count = this.#counts.get(command);
    if (count === undefined) this.#counts.set(command, { total: 1, accepted: 0 });
    else count.total += 1;
  }

  /** It was accepted. */
  accepted(command: string): void {
    const count = this.#counts.get(command);
    if (count !== undefined) count.accepted += 1;
  }

  /** `ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4` */
  toString(): string {
    let text = "";
    let total = 0;
    let accepted = 0;
    for (const name of ORDER) {
      const count = this.#counts.get(name);
      if (count === undefined) continue;
      total += count.total;
      accepted += count.accepted;
      text += ` ${name}=${ratio(count.accepted, count.total)}`;
    }
    return `${text.slice(1)}${text === "" ? "" : " "}commands=${ratio(accepted, total)}`;
  }
}

const ORDER = [
  "helo",
  "ehlo",
  "xclient",
  "xforward",
  "starttls",
  "auth",
  "mail",
  "rcpt",
  "data",
  "bdat",
  "rset",
  "noop",
  "vrfy",
  "etrn",
  "help",
  "quit",
  "unknown",
];

function ratio(accepted: number, total: number): string {
  return accepted === total && total > 0 ? String(total) : `${accepted}/${total}`;
}
