/** The client's side: which mechanism to use, and what to answer. */
import { cramDigest } from "./cram_md5.ts";
import { answerDigestMd5 } from "./digest_md5.ts";
import { answerScram } from "./scram.ts";
import { octets } from "./text.ts";
import type { SecurityOption } from "./types.ts";

/**
 * Yields responses, the first one without a challenge, and is sent challenges. An empty first response of a mechanism in
 * which the server begins is not to be sent. Returns what is wrong with the server, or undefined.
 */
export type ClientDialogue = AsyncGenerator<Uint8Array, string | undefined, Uint8Array>;

/** Who logs in where. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly service: string;
  readonly host: string;
}

export interface ClientMechanism {
  readonly name: string;
  readonly properties: readonly SecurityOption[];
  /** The client speaks first: the first response goes with the AUTH command. */
  readonly clientFirst: boolean;
  answer(credentials: Credentials): ClientDialogue;
}

async function* answerPlain({ user, password }: Credentials): ClientDialogue {
  yield octets(`\0${user}\0${password}`);
  return undefined;
}

async function* answerLogin({ user, password }: Credentials): ClientDialogue {
  yield new Uint8Array(0);
  yield octets(user);
  yield octets(password);
  return undefined;
}

async function* answerCramMd5({ user, password }: Credentials): ClientDialogue {
  const challenge = yield new Uint8Array(0);
  yield octets(`${user} ${cramDigest(octets(password), challenge)}`);
  return undefined;
}

async function* answerOauth({ user, password }: Credentials): ClientDialogue {
  // A server that refuses says why in a challenge, which wants an empty answer.
  yield octets(`user=${user}\x01auth=Bearer ${password}\x01\x01`);
  yield new Uint8Array(0);
  return undefined;
}

const SCRAM_PROPERTIES = ["noplaintext", "noactive", "noanonymous", "mutual_auth"] as const;

/** Strongest first. */
export const clientMechanisms: readonly ClientMechanism[] = [
  {
    name: "SCRAM-SHA-256",
    properties: SCRAM_PROPERTIES,
    clientFirst: true,
    answer: ({ user, password }) => answerScram("sha256", user, password),
  },
  {
    name: "SCRAM-SHA-1",
    properties: SCRAM_PROPERTIES,
    clientFirst: true,
    answer: ({ user, password }) => answerScram("sha1", user, password),
  },
  {
    name: "DIGEST-MD5",
    properties: ["noplaintext", "noanonymous", "mutual_auth"],
    clientFirst: false,
    answer: ({ user, password, service, host }) => answerDigestMd5(user, password, service, host),
  },
  { name: "CRAM-MD5", properties: ["noplaintext", "noanonymous"], clientFirst: false, answer: answerCramMd5 },
  { name: "PLAIN", properties: ["noanonymous"], clientFirst: true, answer: answerPlain },
  { name: "LOGIN", properties: ["noanonymous"], clientFirst: false, answer: answerLogin },
  { name: "XOAUTH2", properties: ["noanonymous"], clientFirst: true, answer: answerOauth },
];

/** The strongest mechanism that the server offers and that has all properties; undefined if there is none. */
export function chooseMechanism(
  offered: readonly string[],
  security: ReadonlySet<SecurityOption>,
): ClientMechanism | undefined {
  const names = new Set(offered.map((name) => name.toUpperCase()));
  return clientMechanisms.find((mechanism) =>
    names.has(mechanism.name) && [...security].every((option) => mechanism.properties.includes(option))
  );
}
