import { createHmac, randomBytes } from "node:crypto";
import type { Login } from "./types.ts";

/** Bytes of the table for each answer that it can keep. */
const BYTES_AN_ENTRY = 160;

/** Good answers for a while (`-c`), under a digest with a key that dies with the process: no password can be read out. */
export class AnswerCache {
  readonly #key = randomBytes(32);
  readonly #until = new Map<string, number>();
  readonly #most: number;

  /** @param seconds how long an answer counts; @param kilobytes size of the table (`-s`) */
  constructor(readonly seconds: number, kilobytes: number, readonly now: () => number = Date.now) {
    this.#most = Math.max(16, Math.floor(kilobytes * 1024 / BYTES_AN_ENTRY));
  }

  #digest({ login, realm, service, password }: Login): string {
    return createHmac("sha256", this.#key).update(JSON.stringify([login, realm, service])).update(password)
      .digest("base64");
  }

  /** Was this login good not long ago? */
  has(login: Login): boolean {
    const key = this.#digest(login);
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.now()) return true;
    this.#until.delete(key);
    return false;
  }

  add(login: Login): void {
    if (this.#until.size >= this.#most) {
      // The oldest stands first.
      const oldest = this.#until.keys().next().value;
      if (oldest !== undefined) this.#until.delete(oldest);
    }
    this.#until.set(this.#digest(login), this.now() + this.seconds * 1000);
  }
}
