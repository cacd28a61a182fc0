import { hostname } from "node:os";
import { isAbsolute } from "node:path";
import { messageOf } from "../core/errors/mod.ts";
import { Logger, type LogSink, streamSink, syslogSink } from "../core/log/mod.ts";
import { selfCommand } from "../core/system/mod.ts";
import {
  AnswerCache,
  MechanismError,
  mechanismNames,
  openMechanism,
  runInstance,
} from "../daemon/saslauthd/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

const DEFAULT_DIRECTORY = "/var/run/saslauthd";
const DEFAULT_TIMEOUT = 28800;
const DEFAULT_KILOBYTES = 512;
const DEFAULT_WORKERS = 5;
/** The library's version whose behaviour this is. */
const VERSION = "2.1.28";

const OPTIONS = `  -a <authmech>  the authentication mechanism to use
  -c             remember good answers
  -d             stay in the foreground and log to standard error; implies -V
  -F             stay in the foreground
  -r             join login and realm with @ before the mechanism sees them
                 "foo" in the realm "bar" becomes "foo@bar"; the realm is passed on as well
  -O <option>    for rimap the server, host or host/port; for sasldb the file;
                 for ldap and httpform the file with their options (/etc/saslauthd.conf)
  -l             accepted: there is no accept() lock here
  -m <path>      working directory, an absolute path (${DEFAULT_DIRECTORY})
  -n <count>     questions that are answered at the same time (${DEFAULT_WORKERS}); 0: any number
  -s <kilobytes> size of the table of good answers (${DEFAULT_KILOBYTES})
  -t <seconds>   how long good answers are remembered (${DEFAULT_TIMEOUT})
  -T             accepted: time-of-day restrictions are PAM's business
  -v             show version and mechanisms
  -V             log good answers too
  -h             show this text`;

export const help = `
Usage: saslauthd -a authmech [-cdFhlrTvV] [-m path] [-n count] [-O option] [-s kilobytes] [-t seconds]

Says over a socket whether passwords are right.

${OPTIONS}
`;

/** saslauthd(8). */
export async function run(args: string[], name: string): Promise<number> {
  const values = new Map<string, string>();
  const complain = (text: string) => console.error(`${name}[${Deno.pid}] :${text}`);
  try {
    const { options, operands } = getopt(args, "a:cdFhH:O:lm:n:rs:t:TvV");
    for (const { letter, value } of options) values.set(letter, value);
    if (operands.length > 0) throw new UsageError(`unexpected argument -- '${operands[0]}'`);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}`);
    values.set("h", "");
  }
  if (values.has("v")) {
    console.error(version(name));
    return 0;
  }
  if (values.has("h")) return usage(name);
  const mechanismName = values.get("a");
  if (mechanismName === undefined) {
    complain("no authentication mechanism specified");
    return usage(name);
  }
  const directory = values.get("m") ?? DEFAULT_DIRECTORY;
  try {
    if (!isAbsolute(directory)) throw new MechanismError("-m requires an absolute pathname");
    const numbers = {
      workers: numberOf(values, "n", DEFAULT_WORKERS),
      seconds: numberOf(values, "t", DEFAULT_TIMEOUT),
      kilobytes: numberOf(values, "s", DEFAULT_KILOBYTES),
    };
    const debug = values.has("d");
    // The second process of a daemon, which the first one started, is told so.
    if (!debug && !values.has("F")) return await startInBackground(args, complain);
    const sink = debug ? streamSink(2, "classic", hostname()) : systemLog();
    const verbose = debug || values.has("V");
    const log = new Logger(sink, name);
    const mechanism = await openMechanism(
      mechanismName,
      values.get("O") ?? values.get("H") ?? "",
      hostname(),
    );
    const options = {
      directory,
      name: mechanismName,
      mechanism,
      joinRealm: values.has("r"),
      workers: numbers.workers,
      cache: values.has("c") ? new AnswerCache(numbers.seconds, numbers.kilobytes) : undefined,
      verbose,
      log,
    };
    await runInstance(options, () => {
      if (!debug) Deno.stdout.writeSync(new TextEncoder().encode(READY));
    });
    return 0;
  } catch (error) {
    if (error instanceof MechanismError) complain(error.message);
    else complain(`${directory}: ${messageOf(error)}`);
    return 1;
  }
}

/** The system's log; nowhere on a system without one, as with syslog(3). */
function systemLog(): LogSink {
  try {
    return syslogSink("auth");
  } catch {
    return { write() {}, flush() {} };
  }
}

/** What the process in the background says once the socket is open. */
const READY = "ready\n";

/** Starts the daemon in a session of its own and waits until it serves, or has said why it can't. */
async function startInBackground(args: readonly string[], complain: (text: string) => void): Promise<number> {
  const self = selfCommand("saslauthd", "-F", ...args);
  const child = new Deno.Command(self.program, {
    args: self.args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  child.unref();
  const said = await new Response(untilReady(child.stdout)).text();
  if (said.endsWith(READY)) {
    await child.stderr.cancel();
    return 0;
  }
  await Deno.stderr.write(new Uint8Array(await new Response(child.stderr).arrayBuffer()));
  const { code } = await child.status;
  if (code === 0) complain("the daemon ended at once");
  return code || 1;
}

/** The stream up to the word that the daemon is ready, or to its end. */
function untilReady(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const decoder = new TextDecoder();
  let text = "";
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        text += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
        if (text.endsWith(READY)) controller.terminate();
      },
    }),
  );
}

/** A number that an option gives. Throws `MechanismError`. */
function numberOf(values: ReadonlyMap<string, string>, letter: string, otherwise: number): number {
  const text = values.get(letter);
  if (text === undefined) return otherwise;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new MechanismError(`-${letter} needs a number, not "${text}"`);
}

function version(name: string): string {
  return `${name} ${VERSION}\nauthentication mechanisms: ${mechanismNames.join(" ")}\n`;
}

function usage(name: string): number {
  console.error(`usage: ${name} [options]

option information:
${OPTIONS}

${version(name)}`);
  return 0;
}
