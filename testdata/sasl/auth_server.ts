/**
 * An authentication server that speaks Dovecot's protocol, well or badly, for the recorders and the tests. How it answers
 * a request is told by the user's name; how it greets, by its kind.
 */

import { startTcpServer } from "../../core/system/tcp_server_testing.ts";

/** What the server says when a client has connected; undefined: it hangs up, null: it says nothing. */
export const GREETINGS = {
  good: "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tCRAM-MD5\tdictionary\tactive\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n",
  silent: null,
  hangsUp: undefined,
  otherVersion: "VERSION\t2\t0\nMECH\tPLAIN\tplaintext\nDONE\n",
  garbage: "220 imap.example.com ready\n\0\x01\xff\n\nMECH\n",
  noMechanism: "VERSION\t1\t2\nDONE\n",
  half: "VERSION\t1\t2\nMECH\tPLAIN\tplain",
  noDone: "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\n",
  endlessLine: `VERSION\t1\t2\nMECH\t${"X".repeat(200_000)}`,
  longLine: `VERSION\t1\t2\nMECH\t${"X".repeat(20_000)}\nMECH\tPLAIN\tplaintext\nDONE\n`,
} as const;
export type Greeting = keyof typeof GREETINGS;

/** What it answers to a request, by the user's name; undefined: it hangs up, null: it says nothing. */
const ANSWERS: Readonly<Record<string, (id: string) => string | undefined | null>> = {
  right: (id) => `OK\t${id}\tuser=right\n`,
  joe: (id) => `FAIL\t${id}\tuser=joe\n`,
  reason: (id) => `FAIL\t${id}\tuser=reason\treason=Not today\n`,
  temp: (id) => `FAIL\t${id}\tuser=temp\ttemp\n`,
  disabled: (id) => `FAIL\t${id}\tuser=disabled\tcode=user_disabled\n`,
  hang: () => null,
  crash: () => undefined,
  halfLine: (id) => `OK\t${id}\tuser=half`,
  garbage: () => "\0\xff\x01 garbage\n",
  otherId: (id) => `OK\t${Number(id) + 7}\tuser=otherId\n`,
  otherIdFirst: (id) => `OK\t${Number(id) + 7}\tuser=mallory\nFAIL\t${id}\tuser=otherIdFirst\n`,
  noId: () => "OK\n",
  badId: () => "OK\tx\tuser=badId\n",
  noUser: (id) => `OK\t${id}\n`,
  emptyUser: (id) => `OK\t${id}\tuser=\n`,
  bareFail: (id) => `FAIL\t${id}\n`,
  noFields: () => "FAIL\n",
  unknownVerb: (id) => `PERHAPS\t${id}\tuser=unknownVerb\n`,
  badChallenge: (id) => `CONT\t${id}\t!!!!\n`,
  noChallenge: (id) => `CONT\t${id}\n`,
  longReason: (id) => `FAIL\t${id}\tuser=longReason\treason=${"x".repeat(500)}\n`,
  endless: (id) => `FAIL\t${id}\treason=${"y".repeat(200_000)}`,
  oddName: (id) => `OK\t${id}\tuser=a b<c>\x01;d\n`,
  twice: (id) => `FAIL\t${id}\tuser=twice\nOK\t${id}\tuser=twice\n`,
};

/** All of them but the one whose answer has no end, of which Postfix makes a reply of 100,000 octets. */
export const USERS = Object.keys(ANSWERS).filter((user) => user !== "endless");

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Starts a server on 127.0.0.1. */
export function startAuthServer(greeting: Greeting = "good", port = 0) {
  const write = async (conn: Deno.Conn, text: string) => {
    const bytes = octets(text);
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  };
  const serve = async (conn: Deno.Conn) => {
    const hello = GREETINGS[greeting];
    if (hello === undefined) return conn.close();
    if (hello !== null) await write(conn, hello);
    if (greeting === "half") return conn.close();
    const buffer = new Uint8Array(65536);
    let text = "";
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      for (let i = 0; i < count; i++) text += String.fromCharCode(buffer[i]!);
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const [verb, id = "", ...fields] = text.slice(0, end).split("\t");
        text = text.slice(end + 1);
        if (verb !== "AUTH" && verb !== "CONT") continue;
        const response = verb === "CONT" ? fields[0] : fields.find((field) => field.startsWith("resp="))?.slice(5);
        if (response === undefined) {
          await write(conn, `CONT\t${id}\t${fields[0] === "CRAM-MD5" ? btoa("<1.2@x>") : ""}\n`);
          continue;
        }
        const user = atob(response).split("\0")[1] ?? "";
        const answer = (ANSWERS[user] ?? ANSWERS.joe!)(id);
        if (answer === undefined) return conn.close();
        if (answer !== null) await write(conn, answer);
        if (user === "halfLine") return conn.close();
      }
    }
  };
  return startTcpServer(serve, port);
}
