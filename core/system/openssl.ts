/**
 * The server's side of TLS by OpenSSL 3, where the system has it. Everything goes through memory: the caller carries the
 * encrypted bytes to and fro. Nothing here waits.
 */

type Pointer = Deno.PointerObject;

const CRYPTO_SYMBOLS = {
  BIO_s_mem: { parameters: [], result: "pointer" },
  BIO_new: { parameters: ["pointer"], result: "pointer" },
  BIO_free: { parameters: ["pointer"], result: "i32" },
  BIO_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  BIO_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  BIO_ctrl_pending: { parameters: ["pointer"], result: "usize" },
  PEM_read_bio_X509: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "pointer" },
  X509_free: { parameters: ["pointer"], result: "void" },
  PEM_read_bio_PrivateKey: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "pointer" },
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  ERR_get_error: { parameters: [], result: "u64" },
  ERR_error_string_n: { parameters: ["u64", "buffer", "usize"], result: "void" },
  ERR_clear_error: { parameters: [], result: "void" },
} as const;

const SSL_SYMBOLS = {
  TLS_server_method: { parameters: [], result: "pointer" },
  SSL_CTX_new: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_free: { parameters: ["pointer"], result: "void" },
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  SSL_CTX_set_options: { parameters: ["pointer", "u64"], result: "u64" },
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "usize"], result: "i32" },
  SSL_CTX_set_cipher_list: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_CTX_use_certificate: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_CTX_use_PrivateKey: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_new: { parameters: ["pointer"], result: "pointer" },
  SSL_free: { parameters: ["pointer"], result: "void" },
  SSL_ctrl: { parameters: ["pointer", "i32", "i64", "buffer"], result: "i64" },
  SSL_set_bio: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  SSL_set_accept_state: { parameters: ["pointer"], result: "void" },
  SSL_do_handshake: { parameters: ["pointer"], result: "i32" },
  SSL_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_shutdown: { parameters: ["pointer"], result: "i32" },
  SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_version: { parameters: ["pointer"], result: "i32" },
  SSL_get_current_cipher: { parameters: ["pointer"], result: "pointer" },
  SSL_CIPHER_get_protocol_id: { parameters: ["pointer"], result: "u16" },
  SSL_session_reused: { parameters: ["pointer"], result: "i32" },
} as const;

interface Library {
  readonly crypto: Deno.DynamicLibrary<typeof CRYPTO_SYMBOLS>["symbols"];
  readonly ssl: Deno.DynamicLibrary<typeof SSL_SYMBOLS>["symbols"];
}

/** Undefined: not looked for yet; null: not there. */
let library: Library | null | undefined;

/** Looks for the library, once; a process that gives up its rights has to do this before. */
export function hasOpenssl(): boolean {
  if (library === undefined) {
    library = null;
    try {
      if (Deno.permissions.querySync({ name: "ffi" }).state === "granted") {
        library = {
          crypto: Deno.dlopen("libcrypto.so.3", CRYPTO_SYMBOLS).symbols,
          ssl: Deno.dlopen("libssl.so.3", SSL_SYMBOLS).symbols,
        };
      }
    } catch {
      // There is another engine for systems without it.
    }
  }
  return library !== null;
}

/** OpenSSL refused something; the message is its own. */
export class OpensslError extends Error {
  override readonly name = "OpensslError";
}

/** The oldest error of the queue, which is emptied. */
function lastError({ crypto }: Library, what: string): OpensslError {
  const code = crypto.ERR_get_error();
  if (code === 0n) return new OpensslError(what);
  const room = new Uint8Array(256);
  crypto.ERR_error_string_n(code, room, BigInt(room.length));
  crypto.ERR_clear_error();
  return new OpensslError(new TextDecoder().decode(room.subarray(0, room.indexOf(0))));
}

/** `SSL_CTX_ctrl` and `SSL_ctrl` commands, and options (openssl/ssl.h). */
const SET_MIN_PROTO_VERSION = 123;
const SET_MAX_PROTO_VERSION = 124;
const ADD_CHAIN_CERTIFICATE = 89;
const SET_MODE = 33;
const GET_SIGNATURE_DIGEST = 132;
const MODE_RELEASE_BUFFERS = 0x10n;
const NO_RENEGOTIATION = 1n << 30n;
const IGNORE_UNEXPECTED_EOF = 1n << 7n;
const VERSIONS = { "TLSv1.2": 0x0303n, "TLSv1.3": 0x0304n } as const;
/** The suites of TLS 1.2 that the other engine has too. */
const SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20";

/** SSL_get_error(3). */
const ERROR_WANT_READ = 2;
const ERROR_ZERO_RETURN = 6;

const DIGESTS: ReadonlyMap<number, string> = new Map([
  [64, "SHA1"],
  [672, "SHA256"],
  [673, "SHA384"],
  [674, "SHA512"],
]);

export interface OpensslServerOptions {
  /** PEM, without a password. */
  readonly key: string;
  /** PEM, the owner's certificate first. */
  readonly chain: string;
  readonly min: keyof typeof VERSIONS;
  readonly max: keyof typeof VERSIONS;
}

/** A key with its certificates and settings, for many sessions. It lives as long as the process. */
export class OpensslServer {
  readonly #library: Library;
  readonly #context: Pointer;

  /** Throws `OpensslError` for keys that can't be used, and where the library is missing. */
  constructor(options: OpensslServerOptions) {
    if (!hasOpenssl() || !library) throw new OpensslError("libssl.so.3 is not there");
    this.#library = library;
    const { ssl } = library;
    const context = ssl.SSL_CTX_new(ssl.TLS_server_method());
    if (context === null) throw lastError(library, "SSL_CTX_new failed");
    this.#context = context;
    try {
      ssl.SSL_CTX_ctrl(context, SET_MIN_PROTO_VERSION, VERSIONS[options.min], null);
      ssl.SSL_CTX_ctrl(context, SET_MAX_PROTO_VERSION, VERSIONS[options.max], null);
      ssl.SSL_CTX_ctrl(context, SET_MODE, MODE_RELEASE_BUFFERS, null);
      ssl.SSL_CTX_set_options(context, NO_RENEGOTIATION | IGNORE_UNEXPECTED_EOF);
      ssl.SSL_CTX_set_num_tickets(context, 1n);
      if (ssl.SSL_CTX_set_cipher_list(context, new TextEncoder().encode(`${SUITES}\0`)) !== 1) {
        throw lastError(library, "no cipher suites");
      }
      this.#useCertificates(options.chain);
      this.#useKey(options.key);
    } catch (error) {
      ssl.SSL_CTX_free(context);
      throw error;
    }
  }

  /** A memory channel that holds this text. */
  #memory(text: string): Pointer {
    const { crypto } = this.#library;
    const memory = crypto.BIO_new(crypto.BIO_s_mem());
    if (memory === null) throw lastError(this.#library, "out of memory");
    const bytes = new TextEncoder().encode(text);
    crypto.BIO_write(memory, bytes, bytes.length);
    return memory;
  }

  #useCertificates(chain: string): void {
    const { crypto, ssl } = this.#library;
    const memory = this.#memory(chain);
    try {
      for (let count = 0;; count++) {
        const certificate = crypto.PEM_read_bio_X509(memory, null, null, null);
        if (certificate === null) {
          if (count === 0) throw lastError(this.#library, "no certificate");
          crypto.ERR_clear_error();
          return;
        }
        // Both take a reference of their own or, for the chain, this one.
        const done = count === 0
          ? ssl.SSL_CTX_use_certificate(this.#context, certificate)
          : Number(ssl.SSL_CTX_ctrl(this.#context, ADD_CHAIN_CERTIFICATE, 1n, certificate));
        crypto.X509_free(certificate);
        if (done !== 1) throw lastError(this.#library, "bad certificate");
      }
    } finally {
      crypto.BIO_free(memory);
    }
  }

  #useKey(text: string): void {
    const { crypto, ssl } = this.#library;
    const memory = this.#memory(text);
    try {
      const key = crypto.PEM_read_bio_PrivateKey(memory, null, null, null);
      if (key === null) throw lastError(this.#library, "bad private key");
      const done = ssl.SSL_CTX_use_PrivateKey(this.#context, key);
      crypto.EVP_PKEY_free(key);
      if (done !== 1) throw lastError(this.#library, "bad private key");
    } finally {
      crypto.BIO_free(memory);
    }
  }

  /** Begins a session. Throws `OpensslError`. */
  open(): OpensslSession {
    return new OpensslSession(this.#library, this.#context);
  }
}

/** One session. It has to be closed, or its memory is never given back. */
export class OpensslSession {
  #ssl: Pointer | undefined;
  readonly #input: Pointer;
  readonly #output: Pointer;

  constructor(private readonly library: Library, context: Pointer) {
    const { crypto, ssl } = library;
    const session = ssl.SSL_new(context);
    const input = crypto.BIO_new(crypto.BIO_s_mem());
    const output = crypto.BIO_new(crypto.BIO_s_mem());
    if (session === null || input === null || output === null) throw lastError(library, "out of memory");
    // From here on the channels belong to the session.
    ssl.SSL_set_bio(session, input, output);
    ssl.SSL_set_accept_state(session);
    this.#ssl = session;
    this.#input = input;
    this.#output = output;
  }

  get closed(): boolean {
    return this.#ssl === undefined;
  }

  #open(): Pointer {
    if (this.#ssl === undefined) throw new OpensslError("The TLS connection is closed");
    return this.#ssl;
  }

  /** Takes encrypted bytes that came in. */
  receive(bytes: Uint8Array): void {
    this.#open();
    const owned = bytes as Uint8Array<ArrayBuffer>;
    if (bytes.length > 0) this.library.crypto.BIO_write(this.#input, owned, bytes.length);
  }

  /** Encrypted bytes that have to go out; undefined if there are none. */
  toSend(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#ssl === undefined) return undefined;
    const waiting = Number(this.library.crypto.BIO_ctrl_pending(this.#output));
    if (waiting === 0) return undefined;
    const bytes = new Uint8Array(waiting);
    this.library.crypto.BIO_read(this.#output, bytes, waiting);
    return bytes;
  }

  /** What a call that gave `result` wants: true, more input; false, nothing more will come. Throws `OpensslError`. */
  #wantsInput(session: Pointer, result: number): boolean {
    const reason = this.library.ssl.SSL_get_error(session, result);
    if (reason === ERROR_WANT_READ) return true;
    if (reason === ERROR_ZERO_RETURN) return false;
    throw lastError(this.library, `SSL error ${reason}`);
  }

  /** Goes on with the handshake; true when it is through, false if it needs more input. Throws `OpensslError`. */
  handshake(): boolean {
    const session = this.#open();
    const result = this.library.ssl.SSL_do_handshake(session);
    if (result === 1) return true;
    if (!this.#wantsInput(session, result)) throw new OpensslError("The peer ended the handshake");
    return false;
  }

  /** Decrypts into `into`: the number of bytes, 0 if more input is needed, null at the end. Throws `OpensslError`. */
  read(into: Uint8Array): number | null {
    const session = this.#open();
    const result = this.library.ssl.SSL_read(session, into as Uint8Array<ArrayBuffer>, into.length);
    if (result > 0) return result;
    return this.#wantsInput(session, result) ? 0 : null;
  }

  /** Encrypts bytes; they are to be sent then. Throws `OpensslError`. */
  write(bytes: Uint8Array): void {
    const session = this.#open();
    const result = this.library.ssl.SSL_write(session, bytes as Uint8Array<ArrayBuffer>, bytes.length);
    if (result !== bytes.length) throw lastError(this.library, "SSL_write failed");
  }

  /** What the handshake has agreed on. */
  describe(): {
    readonly protocol: "TLSv1.2" | "TLSv1.3";
    /** The suite's number (RFC 8446 appendix B.4). */
    readonly suite: number;
    readonly resumed: boolean;
    /** Digest of our signature; empty if not known. */
    readonly digest: string;
  } {
    const session = this.#open();
    const { ssl } = this.library;
    const digest = new Int32Array(1);
    const known = ssl.SSL_ctrl(session, GET_SIGNATURE_DIGEST, 0n, digest) === 1n;
    return {
      protocol: ssl.SSL_version(session) === Number(VERSIONS["TLSv1.3"]) ? "TLSv1.3" : "TLSv1.2",
      suite: ssl.SSL_CIPHER_get_protocol_id(ssl.SSL_get_current_cipher(session)),
      resumed: ssl.SSL_session_reused(session) === 1,
      digest: known ? DIGESTS.get(digest[0]!) ?? "" : "",
    };
  }

  /** Makes the goodbye, which is to be sent before `close`. */
  sayGoodbye(): void {
    if (this.#ssl === undefined) return;
    this.library.ssl.SSL_shutdown(this.#ssl);
    this.library.crypto.ERR_clear_error();
  }

  /** Gives the memory back. */
  close(): void {
    const session = this.#ssl;
    this.#ssl = undefined;
    if (session !== undefined) this.library.ssl.SSL_free(session);
  }
}
