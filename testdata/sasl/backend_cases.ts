/**
 * Back ends that hang, die or lie, and what a client hears then: an authentication server that speaks Dovecot's protocol
 * (auth_server.ts) and one that stands for saslauthd. `record_backends.ts` plays the cases to a real Postfix.
 */
import { GREETINGS, USERS } from "./auth_server.ts";

/** The answers of the double of saslauthd, by the user's name, in octets; undefined: it hangs up, null: it says nothing. */
const SASLAUTHD_ANSWERS: Readonly<Record<string, string | undefined | null>> = {
  right: "\0\x02OK",
  text: "\0\x0cOK \"Success.\"",
  wrong: "\0\x02NO",
  reason: "\0\x1aNO authentication failure",
  crash: undefined,
  halfLength: "\0",
  halfText: "\0\x20OK",
  empty: "\0\0",
  oneOctet: "\0\x01O",
  garbage: "\0\x08\xff\x01\x02garb",
  lies: "\0\x04MAYB",
  lowCase: "\0\x02ok",
  okay: "\0\x04OKAY",
  huge: `\xff\xff${"O".repeat(70_000)}`,
  hugeOk: `\xff\xffOK${"x".repeat(70_000)}`,
  more: "\0\x02NO\0\x02OK",
};

/** How a service is told of its back end. DIRECTORY and PORT are the recorder's or the test's. */
export interface Backend {
  readonly greeting?: keyof typeof GREETINGS;
  /** Users that log in with PLAIN, each in a session of its own. */
  readonly users: readonly string[];
}

export const backends: Readonly<Record<string, Backend>> = {
  ...Object.fromEntries(
    Object.keys(GREETINGS).map((greeting) => [greeting, {
      greeting: greeting as keyof typeof GREETINGS,
      users: greeting === "good" ? USERS : ["right", "right"],
    }]),
  ),
  nobody: { users: ["right"] },
  saslauthd: { users: Object.keys(SASLAUTHD_ANSWERS) },
};

export const settings: Readonly<Record<string, string>> = {
  compatibility_level: "3.6",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "ipv4",
  myhostname: "mx.example.com",
  mydestination: "example.com",
  local_recipient_maps: "",
  alias_maps: "",
  alias_database: "",
  smtpd_error_sleep_time: "0",
  smtpd_client_connection_count_limit: "0",
  smtpd_sasl_auth_enable: "yes",
  notify_classes: "",
};

/** A session: EHLO, AUTH PLAIN, a message's sender to see whether the session still lives, QUIT. */
export function dialogue(user: string): readonly string[] {
  return ["EHLO client.test", `AUTH PLAIN ${btoa(`\0${user}\0secret`)}`, "MAIL FROM:<a@a.test>", "QUIT"];
}

/** So long an answer may take, in milliseconds: real time-outs are 10 seconds. */
const PATIENCE = 40_000;

/** Plays a session, one command after the answer to the other: the answers, and CLOSED where the server hung up. */
export async function playSession(port: number, commands: readonly string[]): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(65536);
  const answers: string[] = [];
  let open = true;
  const timer = setTimeout(() => conn.close(), PATIENCE);
  const answer = async () => {
    let text = "";
    while (open && !/^\d{3} .*\r\n$/m.test(text)) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) open = false;
      else text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    if (text !== "") answers.push(text);
    if (!open) answers.push("CLOSED");
  };
  await answer();
  for (const command of commands) {
    if (!open) break;
    await conn.write(new TextEncoder().encode(command + "\r\n")).catch(() => 0);
    await answer();
  }
  clearTimeout(timer);
  try {
    conn.close();
  } catch {
    // Closed out of impatience.
  }
  return answers;
}

/** A double of saslauthd on a UNIX socket. */
export function startSaslauthd(path: string) {
  const listener = Deno.listen({ transport: "unix", path });
  const connections: Deno.Conn[] = [];
  const serve = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(4096);
    const count = await conn.read(buffer);
    if (count === null) return conn.close();
    const name = new TextDecoder().decode(buffer.subarray(2, 2 + buffer[0]! * 256 + buffer[1]!));
    const answer = SASLAUTHD_ANSWERS[name];
    if (answer === null) return;
    const bytes = Uint8Array.from(answer ?? "", (character) => character.charCodeAt(0));
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    conn.close();
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      connections.push(conn);
      // A client that hangs up first is no trouble.
      serve(conn).catch(() => {});
    }
  })();
  return {
    async close() {
      listener.close();
      await accepting;
    },
  };
}
