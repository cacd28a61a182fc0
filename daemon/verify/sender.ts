import type { Config } from "../../core/config/types.ts";

/** Digits of Postfix's numbers in file names and addresses: no vowels, so that no words come out. */
const DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
const BASE = 31;

function digits(value: number): string {
  let text = "";
  for (let rest = value; text === "" || rest > 0; rest = Math.floor(rest / BASE)) {
    text = DIGITS[rest % BASE]! + text;
  }
  return text;
}

/**
 * The sender address of probes (`address_verify_sender`), which changes with time if `address_verify_sender_ttl` says so,
 * so that nobody can collect it and pass all access checks.
 */
export class ProbeSender {
  readonly #given: string;
  readonly #ttl: number;
  readonly #rewrite: (address: string) => string;
  #epoch = -1;
  #current = "";

  /** @param rewrite completes an address in internal form with the local domain */
  constructor(config: Config, rewrite: (address: string) => string) {
    const given = config.string("address_verify_sender").trim();
    this.#given = given === "<>" ? "" : given;
    this.#ttl = config.seconds("address_verify_sender_ttl");
    this.#rewrite = rewrite;
  }

  /** The sender of a probe that is sent now (internal form); empty for the null sender. */
  address(now = Date.now() / 1000): string {
    if (this.#given === "") return "";
    const epoch = this.#ttl > 0 ? Math.floor(now / this.#ttl) : 0;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#current = this.#at(epoch);
    }
    return this.#current;
  }

  /** Is mail to an address an answer to a probe that was sent a short time ago? */
  accepts(address: string, now = Date.now() / 1000): boolean {
    const current = this.address(now);
    if (current === "") return false;
    if (this.#ttl <= 0) return same(address, current);
    return same(address, current) || same(address, this.#at(this.#epoch - 1)) ||
      same(address, this.#at(this.#epoch + 1));
  }

  #at(epoch: number): string {
    if (this.#ttl <= 0) return this.#rewrite(this.#given);
    const at = this.#given.lastIndexOf("@");
    const local = at < 0 ? this.#given : this.#given.slice(0, at);
    return this.#rewrite(`${local}${digits(epoch)}${at < 0 ? "" : this.#given.slice(at)}`);
  }
}

function same(left: string, right: string): boolean {
  return left.length === right.length && left.toLowerCase() === right.toLowerCase();
}
