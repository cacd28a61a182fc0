import process from "node:process";
import { encodeText } from "../core/bytes/mod.ts";
import { messageOf } from "../core/errors/mod.ts";
import { dropPrivileges, lookupUser, userGroups } from "../core/system/mod.ts";
import { parseAddress, type SinkOptions, startSink } from "../daemon/load/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";

export const help = `
Usage: smtp-sink [-8aceCEFLNpPv] [-h hostname] [-f commands] [-r commands] [-q commands] [-Q commands] [-b reply]
                 [-B reply] [-w seconds] [-t seconds] [-m sessions] [-n sessions] [-M messages] [-u user] [host]:port | unix:path backlog

Takes mail and throws it away.

  -c    show counters                        -h H  name in replies (smtp-sink)
  -f C  refuse commands for good             -r C  refuse commands for now
  -B R  the reply of -f                      -b R  the reply of -r
  -q C  hang up at commands                  -Q C  answer commands with 421 and hang up
  -w N  wait N seconds after content         -t N  seconds without input (100)
  -m N  sessions at a time (256)             -n N  end after N sessions      -M N  end after N messages
  -8 -a -C -E -F -N -p  leave 8BITMIME, AUTH, XCLIENT, ENHANCEDSTATUSCODES, XFORWARD, DSN, PIPELINING out
  -e    no EHLO
  -L    LMTP                                 -u U  run as this user (as root)
  -P    hide the greeting, no EHLO           -v    show the conversation
  -4 -6 -T N  accepted

Commands: CONNECT HELO EHLO LHLO MAIL RCPT VRFY DATA . RSET NOOP QUIT, comma-separated.
`;

const USAGE = "smtp-sink [-468acCeEFLpPv] [-A abort_delay] [-b soft_bounce_reply] [-B hard_bounce_reply] " +
  "[-d dump-template] [-D dump-template] [-f commands] [-h hostname] [-m max_concurrency] " +
  "[-M message_quit_count] [-n quit_count] [-q commands] [-r commands] [-R root-dir] [-s commands] " +
  "[-S start-string] [-u user_privs] [-w delay] [host]:port backlog";

/** Options that take something out of the EHLO reply. */
const KEYWORDS: Readonly<Record<string, string>> = {
  a: "AUTH",
  C: "XCLIENT",
  e: "ESMTP",
  E: "ENHANCEDSTATUSCODES",
  F: "XFORWARD",
  N: "DSN",
  p: "PIPELINING",
  8: "8BITMIME",
};

/** What -f, -r, -q and -Q can name. */
const COMMANDS: ReadonlySet<string> = new Set([
  ...["CONNECT", "HELO", "EHLO", "LHLO", "XCLIENT", "XFORWARD", "AUTH", "MAIL", "RCPT", "DATA"],
  ...[".", "RSET", "NOOP", "VRFY", "QUIT"],
]);

/** `smtp-sink`. Runs until it is ended or a limit is reached; exit code 1 if it can't start. */
export async function run(args: string[]): Promise<number> {
  try {
    const parsed = getopt(args, "468aA:b:B:cCd:D:eEf:Fh:H:Ln:m:M:NpPq:Q:r:R:s:S:t:T:u:vw:W:");
    const options = readOptions(parsed);
    if (options === undefined) throw new UsageError("");
    const user = parsed.options.findLast(({ letter }) => letter === "u")?.value;
    const isRoot = process.geteuid?.() === 0;
    if (isRoot && user === undefined) throw new Error("-u option is required if running as root");
    const sink = startSink(options);
    if (isRoot) become(user!);
    Deno.addSignalListener("SIGINT", () => sink.stop());
    Deno.addSignalListener("SIGTERM", () => sink.stop());
    await sink.finished;
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      if (error.message !== "") console.error(`smtp-sink: ${error.message}`);
      console.error(`smtp-sink: fatal: usage: ${USAGE}`);
      return 1;
    }
    console.error(`smtp-sink: fatal: ${messageOf(error)}`);
    return 1;
  }
}

function become(name: string): void {
  const user = lookupUser(name);
  if (user === undefined) throw new Error(`unknown user: ${name}`);
  dropPrivileges({ uid: user.uid, gid: user.gid, groups: userGroups(user.name, user.gid) });
}

function readOptions(parsed: ParsedOptions): SinkOptions | undefined {
  const [target, backlog, ...more] = parsed.operands;
  if (target === undefined || backlog === undefined || more.length > 0) return undefined;
  const given = (wanted: string) => parsed.options.some(({ letter }) => letter === wanted);
  const last = (wanted: string) => parsed.options.findLast(({ letter }) => letter === wanted)?.value;
  for (const letter of "AdDRSHWs") {
    if (given(letter)) throw new Error(`option -${letter} is not available in this program`);
  }
  const number = (letter: string, fallback: number) => {
    const value = Number(last(letter) ?? fallback);
    if (!Number.isFinite(value) || value < 0) {
      throw new UsageError(`bad number "${last(letter)}" for -${letter}`);
    }
    return value;
  };
  const commands = (letter: string) => {
    const words = parsed.options.filter((option) => option.letter === letter)
      .flatMap(({ value }) => value.split(/[\s,]+/)).filter((word) => word !== "");
    const unknown = words.find((word) => !COMMANDS.has(word.toUpperCase()));
    if (unknown !== undefined) throw new Error(`unknown SMTP command: ${unknown}`);
    return new Set(words.map((word) => word.toUpperCase()));
  };
  const showCounts = given("c");
  return {
    address: parseAddress(target, "0.0.0.0"),
    backlog: Number(backlog),
    hostname: last("h") ?? "smtp-sink",
    lmtp: given("L"),
    masked: given("P"),
    without: new Set(parsed.options.flatMap(({ letter }) => KEYWORDS[letter] ?? [])),
    hardRejects: commands("f"),
    softRejects: commands("r"),
    disconnects: commands("q"),
    farewells: commands("Q"),
    hardReply: last("B") ?? "500 5.3.0 Error: command failed",
    softReply: last("b") ?? "450 4.3.0 Error: command failed",
    dataDelay: number("w", 0),
    timeout: number("t", 100),
    mostSessions: number("m", 256),
    sessionLimit: number("n", 0),
    messageLimit: number("M", 0),
    ...(showCounts
      ? {
        onCount: ({ sessions, quits, messages }: { sessions: number; quits: number; messages: number }) =>
          Deno.stdout.writeSync(encodeText(`sess=${sessions} quit=${quits} mesg=${messages}\r`)),
      }
      : {}),
    ...(given("v") ? { onLine: (line: string) => console.error(`smtp-sink: ${line}`) } : {}),
  };
}
