import { spawn } from "node:child_process";
import { readSync } from "node:fs";
import { decodeText } from "../core/bytes/mod.ts";
import { selfCommand } from "../core/system/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";

export const help = `
Usage: rmail [-T] [-D domain] user...

Takes mail that came by UUCP on standard input: the sender is in its "From ... remote from HOST" lines.

  -D domain  accepted
  -T         shows what is handed to sendmail
`;

const EX_USAGE = 64;
const EX_DATAERR = 65;
const EX_TEMPFAIL = 75;
const LF = 10;
/** The envelope lines must fit in here. */
const LONGEST_ENVELOPE = 65536;

/** `rmail`. The exit code is sendmail's. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "D:T");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`rmail: ${error.message}\nusage: rmail [-T] [-D domain] user ...`);
    return EX_USAGE;
  }
  if (parsed.operands.length === 0) {
    console.error("usage: rmail [-T] [-D domain] user ...");
    return EX_USAGE;
  }
  const dash = parsed.operands.find((recipient) => recipient.startsWith("-"));
  if (dash !== undefined) {
    console.error(`rmail: dash precedes argument: ${dash}`);
    return EX_USAGE;
  }
  const input = readEnvelope();
  if (typeof input === "string") {
    console.error(`rmail: ${input}`);
    return EX_DATAERR;
  }
  const words = ["-G", "-i", "-f", input.sender, "--", ...parsed.operands.map(asOneAddress)];
  if (parsed.options.some(({ letter }) => letter === "T")) {
    console.error(`Sendmail arguments:\n\t${words.join("\n\t")}`);
  }
  return await handIn(words, input.rest);
}

interface Input {
  /** `host!...!user`, or `<>`. */
  readonly sender: string;
  /** What was read behind the envelope. */
  readonly rest: Uint8Array;
}

/** Reads the `From ` lines at the beginning; a text says what is wrong with them. */
function readEnvelope(): Input | string {
  let bytes = new Uint8Array(0);
  let at = 0;
  let path = "";
  let user: string | undefined;
  let atEnd = false;
  for (;;) {
    const end = bytes.indexOf(LF, at);
    if (end < 0 && !atEnd) {
      if (bytes.length - at > LONGEST_ENVELOPE) return "line too long";
      const chunk = new Uint8Array(8192);
      const count = readSync(0, chunk, 0, chunk.length, null);
      atEnd = count === 0;
      const joined = new Uint8Array(bytes.length + count);
      joined.set(bytes);
      joined.set(chunk.subarray(0, count), bytes.length);
      bytes = joined;
      continue;
    }
    const line = decodeText(bytes.subarray(at, end < 0 ? bytes.length : end));
    const match = /^>?From +(\S*)(.*)$/.exec(line);
    if (match === null) {
      if (user === undefined) return `missing or empty From line: ${line.slice(0, 100)}`;
      return { sender: senderOf(path, user), rest: bytes.subarray(at) };
    }
    // Every host on the way put its line in front; the last line has the user.
    const remote = / remote from (\S+)\s*$/.exec(match[2]!)?.[1];
    if (remote !== undefined) path += `${remote}!`;
    const lastHost = match[1]!.lastIndexOf("!");
    path += match[1]!.slice(0, lastHost + 1);
    user = match[1]!.slice(lastHost + 1);
    if (end < 0) return { sender: senderOf(path, user), rest: new Uint8Array(0) };
    at = end + 1;
  }
}

function senderOf(path: string, user: string): string {
  return user === "" || user === "<>" || /^mailer-daemon$/i.test(user) ? "<>" : path + user;
}

/** An argument with a comma is one address, not several. */
function asOneAddress(recipient: string): string {
  return recipient.includes(",") && !/[<"]/.test(recipient) ? `<${recipient}>` : recipient;
}

/** Runs sendmail with the rest of the input; its exit code. */
async function handIn(words: readonly string[], rest: Uint8Array): Promise<number> {
  const { program, args } = selfCommand("sendmail", ...words);
  const child = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"] });
  const ended = new Promise<number>((resolve) => {
    child.on("error", (error: Error) => {
      console.error(`rmail: cannot run sendmail: ${error.message}`);
      resolve(EX_TEMPFAIL);
    });
    child.on("exit", (code: number | null) => resolve(code ?? EX_TEMPFAIL));
  });
  child.stdin.on("error", () => {
    // sendmail ended early and says why.
  });
  child.stdin.write(rest);
  for await (const chunk of Deno.stdin.readable) child.stdin.write(chunk);
  child.stdin.end();
  return await ended;
}
