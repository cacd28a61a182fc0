import { decodeText, encodeText } from "../core/bytes/mod.ts";
import { messageOf } from "../core/errors/mod.ts";
import { parseAddress, sendMail, type SourceOptions } from "../daemon/load/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";

export const help = `
Usage: smtp-source [-AcdLNov] [-s sessions] [-m messages] [-l length] [-r recipients] [-f from] [-t to] [-F file]
                   [-M hostname] [-S subject] [-R seconds | -w seconds] [-C attempts] host[:port] | unix:path

Sends test mail as fast as the server takes it.

  -s N  sessions at a time (1)        -m N  messages in all (1)         -l N  bytes of the body
  -r N  recipients of a message (1)   -f A  sender                      -t A  recipient
  -F F  content from a file           -M H  own name                    -S T  subject
  -d    keep connections              -c    show a counter              -N    number the recipients
  -A    go on after refusals          -L    LMTP                        -R N  pause at random up to N seconds
  -w N  pause N seconds               -C N  attempts to connect (1)     -v    show the conversation
  -o    as clients of old: no HELO, no message headers
  -4 -6 -T N  accepted
`;

const USAGE =
  "smtp-source -cdLNov -s sess -l msglen -m msgs -C count -M myhostname -f from -t to -r rcptcount -R delay -w delay host[:port]";

/** `smtp-source`. Exit code 0 when all messages were accepted, else 1. */
export async function run(args: string[]): Promise<number> {
  try {
    const options = readOptions(getopt(args, "46AcC:df:F:l:Lm:M:Nor:R:s:S:t:T:vw:"));
    if (options === undefined) throw new UsageError("");
    await sendMail(options);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      if (error.message !== "") console.error(`smtp-source: ${error.message}`);
      console.error(`smtp-source: fatal: usage: ${USAGE}`);
      return 1;
    }
    console.error(`smtp-source: fatal: ${messageOf(error)}`);
    return 1;
  }
}

function readOptions(parsed: ParsedOptions): SourceOptions | undefined {
  const [target, ...more] = parsed.operands;
  if (target === undefined || more.length > 0) return undefined;
  const given = (wanted: string) => parsed.options.some(({ letter }) => letter === wanted);
  const last = (wanted: string) => parsed.options.findLast(({ letter }) => letter === wanted)?.value;
  const count = (letter: string, fallback: number) => {
    const text = last(letter);
    if (text === undefined) return fallback;
    if (!/^\d+$/.test(text) || Number(text) < 1) throw new UsageError(`bad number "${text}" for -${letter}`);
    return Number(text);
  };
  const hostname = last("M") ?? Deno.hostname();
  const lengthText = last("l");
  const file = last("F");
  const random = Number(last("R") ?? 0);
  const wait = Number(last("w") ?? 0);
  return {
    address: parseAddress(target, "localhost"),
    sessions: count("s", 1),
    messages: count("m", 1),
    recipients: count("r", 1),
    sender: last("f") ?? `foo@${hostname}`,
    recipient: last("t") ?? `foo@${hostname}`,
    hostname,
    subject: last("S"),
    length: lengthText === undefined ? undefined : count("l", 1),
    content: file === undefined ? undefined : wireForm(Deno.readFileSync(file)),
    keepConnections: given("d"),
    numberRecipients: given("N"),
    lmtp: given("L"),
    old: given("o"),
    tolerant: given("A"),
    interval: () => random > 0 ? Math.random() * random : wait,
    connectAttempts: count("C", 1),
    ...(given("c") ? { onMessage: (sent: number) => Deno.stdout.writeSync(encodeText(`${sent}\r`)) } : {}),
    ...(given("v") ? { onLine: (line: string) => console.error(`smtp-source: ${line}`) } : {}),
  };
}

/** A file as it goes over the wire: CR LF line ends, leading dots doubled. */
function wireForm(bytes: Uint8Array): Uint8Array {
  const lines = decodeText(bytes).replace(/\r?\n$/, "").split(/\r?\n/);
  return encodeText(lines.map((line) => (line.startsWith(".") ? "." : "") + line + "\r\n").join(""));
}
