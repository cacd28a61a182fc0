/** What the end-to-end tests share: sending a message by SMTP, looking into the queue of a running instance. */
import { connectSmtp, type TestInstance } from "../master/testing.ts";

export interface Sent {
  /** The reply that ended the attempt. */
  readonly reply: string;
  readonly id: string;
}

/** Sends one message by SMTP. A refused sender or recipient ends the attempt with its reply. */
export async function send(
  port: number,
  recipients: readonly string[],
  options: { readonly from?: string; readonly text?: string } = {},
): Promise<Sent> {
  const client = await connectSmtp(port);
  try {
    let reply = "";
    for (
      const line of [
        "EHLO client.example",
        `MAIL FROM:<${options.from ?? "sender@example.org"}>`,
        ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
        "DATA",
      ]
    ) {
      reply = await client.say(line);
      if (!/^[23]/.test(reply)) return { reply, id: "" };
    }
    reply = await client.say(`${options.text ?? "Subject: test\r\n\r\nHello"}\r\n.`);
    await client.say("QUIT");
    return { reply, id: /queued as (\w+)/.exec(reply)?.[1] ?? "" };
  } finally {
    client.close();
  }
}

/** The queue files of one directory of the queue, sorted. */
export function queued(instance: TestInstance, directory: string): string[] {
  const names: string[] = [];
  const walk = (path: string) => {
    for (const entry of Deno.readDirSync(path)) {
      if (entry.isDirectory) walk(`${path}/${entry.name}`);
      else if (entry.isFile) names.push(entry.name);
    }
  };
  walk(`${instance.spool}/${directory}`);
  return names.sort();
}

/** Waits until `holds` is true; throws with `what` after 20 seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return;
    await pause(50);
  }
  throw new Error(`waited in vain: ${what}`);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** How often the log matches. */
export function count(instance: TestInstance, pattern: RegExp): number {
  return [...instance.log().matchAll(new RegExp(pattern, "g"))].length;
}
