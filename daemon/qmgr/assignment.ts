import type { Recipient } from "../../core/queue/types.ts";
import type { Destination } from "./destination.ts";
import type { ActiveMessage, Entry } from "./message.ts";
import type { Selection, Transport } from "./transport.ts";

/** The entries that the recipients of one reading make, one per destination and not more than a delivery takes. */
export class Assignment {
  readonly #entries: Selection[] = [];
  readonly #transports: Transport[] = [];
  /** Entries that still take recipients. */
  readonly #open = new Map<Destination, Entry>();

  /** Adds a recipient to the entry of its destination, or makes one. */
  put(message: ActiveMessage, transport: Transport, destination: Destination, recipient: Recipient): void {
    const open = this.#open.get(destination);
    // A sender with the recipient in it fits only one recipient.
    const limit = message.envelope.verpDelimiters === undefined ? transport.settings.recipientLimit : 1;
    if (open !== undefined && (limit === 0 || open.recipients.length < limit)) {
      open.recipients.push(recipient);
      return;
    }
    const entry: Entry = { message, recipients: [recipient], next: undefined };
    this.#entries.push({ destination, entry });
    this.#transports.push(transport);
    this.#open.set(destination, entry);
  }

  /** Lets the entries wait for their turn; the transports that have more to do now. */
  commit(): Set<Transport> {
    this.#entries.forEach(({ destination, entry }, index) => {
      this.#transports[index]!.add(destination, entry);
    });
    return new Set(this.#transports);
  }
}
