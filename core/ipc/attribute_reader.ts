import { decodeText } from "../bytes/mod.ts";
import { InputBuffer } from "./input_buffer.ts";
import { AttributeError, type AttributeForm, type ByteSource } from "./types.ts";

/** One pair as it came in; a group's braces come as a name without a value. */
export interface Attribute {
  readonly name: string;
  readonly value: string;
}

/** What a reader accepts, so that a hostile or broken peer can't fill the memory. */
export interface ReaderLimits {
  /** Bytes of one name or value. */
  readonly length?: number;
  /** Pairs of one list; `Infinity` for a list that is used up as it comes, such as a queue listing. */
  readonly count?: number;
}

/** Generous: no value of any Postfix service comes near. */
const DEFAULT_LENGTH = 262_144;
const DEFAULT_COUNT = 100_000;
/** Bytes; most lists are shorter. */
const CAPACITY = 4096;

/**
 * Takes attribute lists apart, from bytes or from a connection. The methods that take a name are strict, as Postfix's
 * programs are: another name, or the end of the list, is an `AttributeError`.
 */
export class AttributeReader {
  readonly #input: InputBuffer;
  readonly #terminator: number;
  readonly #maxLength: number;
  readonly #maxCount: number;
  #count = 0;
  #peeked: Attribute | undefined | "none" = "none";

  constructor(
    source: ByteSource | Uint8Array,
    readonly form: AttributeForm = "nul",
    limits: ReaderLimits = {},
  ) {
    this.#input = new InputBuffer(source, CAPACITY);
    this.#terminator = form === "nul" ? 0 : 0x0a;
    this.#maxLength = limits.length ?? DEFAULT_LENGTH;
    this.#maxCount = limits.count ?? DEFAULT_COUNT;
  }

  /** Did the peer close, with nothing left to read? */
  async atEnd(): Promise<boolean> {
    return this.#peeked === "none" && this.#input.length === 0 && !(await this.#input.fill());
  }

  /** The next pair of the list without taking it; undefined at the end of the list. */
  async peek(): Promise<Attribute | undefined> {
    if (this.#peeked === "none") this.#peeked = await this.#take();
    return this.#peeked;
  }

  /** The next pair of the list; undefined at its end, which is consumed. */
  async next(): Promise<Attribute | undefined> {
    const attribute = this.#peeked === "none" ? await this.#take() : this.#peeked;
    this.#peeked = "none";
    if (attribute === undefined) this.#count = 0;
    else if (++this.#count > this.#maxCount) {
      throw new AttributeError("limit", `More than ${this.#maxCount} attributes in one list`);
    }
    return attribute;
  }

  /** The string called `name`. */
  async text(name: string): Promise<string> {
    const attribute = await this.next();
    if (attribute?.name !== name) {
      const found = attribute === undefined ? "the end of the list" : `"${attribute.name}"`;
      throw new AttributeError("order", `Expected attribute "${name}", found ${found}`);
    }
    return attribute.value;
  }

  /** The 32-bit number called `name`; 4294967295 is -1. */
  async integer(name: string): Promise<number> {
    const value = decimal(name, await this.text(name));
    if (value > 0xffff_ffffn || value < -0x8000_0000n) {
      throw new AttributeError("syntax", `Attribute "${name}" is out of range: ${value}`);
    }
    return Number(BigInt.asIntN(32, value));
  }

  /** The 64-bit number called `name`; 2^64-1 is -1. */
  async long(name: string): Promise<number> {
    const value = BigInt.asIntN(64, decimal(name, await this.text(name)));
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw new AttributeError("syntax", `Attribute "${name}" is out of range: ${value}`);
    }
    return number;
  }

  /** The binary data called `name`. */
  async bytes(name: string): Promise<Uint8Array> {
    const value = await this.text(name);
    try {
      return Uint8Array.fromBase64(value);
    } catch {
      throw new AttributeError("syntax", `Attribute "${name}" is not base64`);
    }
  }

  /** A group in braces. */
  async group(): Promise<Map<string, string>> {
    const open = await this.next();
    if (open?.name !== "{") throw new AttributeError("order", `Expected "{", found "${open?.name ?? ""}"`);
    const pairs = new Map<string, string>();
    for (;;) {
      const attribute = await this.next();
      if (attribute === undefined) throw new AttributeError("syntax", `Group without "}"`);
      if (attribute.name === "}") return pairs;
      pairs.set(attribute.name, attribute.value);
    }
  }

  /** Takes the end of the list; anything else is an error. */
  async end(): Promise<void> {
    const attribute = await this.next();
    if (attribute !== undefined) {
      throw new AttributeError("order", `Expected the end of the list, found "${attribute.name}"`);
    }
  }

  /** The rest of the list, its end included. Of pairs with the same name the last one counts. */
  async rest(): Promise<Map<string, string>> {
    const pairs = new Map<string, string>();
    for (let next = await this.next(); next !== undefined; next = await this.next()) {
      pairs.set(next.name, next.value);
    }
    return pairs;
  }

  async #take(): Promise<Attribute | undefined> {
    if (this.form === "plain") {
      const line = await this.#word();
      if (line === "") return undefined;
      const equals = line.indexOf("=");
      if (equals < 1) throw new AttributeError("syntax", `Not a name=value line: "${line.slice(0, 100)}"`);
      return { name: line.slice(0, equals), value: line.slice(equals + 1) };
    }
    const name = await this.#word();
    if (name === "") return undefined;
    if (name === "{" || name === "}") return { name, value: "" };
    return { name, value: await this.#word() };
  }

  /** The bytes up to the next terminator, as text. */
  async #word(): Promise<string> {
    let searched = 0;
    for (;;) {
      const { bytes } = this.#input;
      const at = bytes.indexOf(this.#terminator, searched);
      if (at > this.#maxLength || bytes.length > this.#maxLength && at < 0) {
        throw new AttributeError("limit", `Attribute longer than ${this.#maxLength} bytes`);
      }
      if (at >= 0) {
        this.#input.take(at + 1);
        return decodeText(bytes.subarray(0, at));
      }
      searched = bytes.length;
      if (!(await this.#input.fill())) {
        throw new AttributeError("eof", "Connection closed in the middle of an attribute list");
      }
    }
  }
}

/** A whole decimal number; Postfix's programs take a sign and refuse anything behind the digits. */
function decimal(name: string, value: string): bigint {
  if (!/^-?[0-9]{1,20}$/.test(value)) {
    throw new AttributeError("syntax", `Attribute "${name}" is not a number: "${value.slice(0, 40)}"`);
  }
  return BigInt(value);
}
