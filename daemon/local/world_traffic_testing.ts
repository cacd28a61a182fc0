/** The network of a scenario: its messages go in, its next hops take what comes out. */
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { fileLock, flockTry } from "../../core/system/mod.ts";
import { connectSmtp, freePort } from "../master/testing.ts";
import { type FakeServer, type FakeSession, startFakeServer } from "../smtp/testing.ts";
import { feedCleanup } from "./world_cleanup_testing.ts";
import { normalised } from "./world_result_testing.ts";
import type { Ports, Scenario, TrafficResult, WorldMessage } from "./world_testing.ts";

export interface Traffic extends AsyncDisposable {
  readonly ports: Ports;
  /** Locks the files that somebody else has locked; they exist by now. */
  lockFiles(directory: string): void;
  /** Sends all messages to the server at a port of the system in a directory; `after` is called after each with the number of those taken. */
  send(directory: string, port: number, after: (taken: number) => Promise<void>): Promise<number>;
  /** Waits a while until comsat was told so many things: datagrams come when they come. */
  heard(count: number): Promise<void>;
  result(directory: string): TrafficResult;
}

/** Opens the ports of a scenario. */
export async function openTraffic(scenario: Scenario): Promise<Traffic> {
  const peers = new Map<string, FakeServer>();
  const ports: Record<string, number> = {};
  for (const [name, options] of Object.entries(scenario.peers ?? {})) {
    const peer = startFakeServer({
      hostname: "127.0.0.1",
      keywords: ["8BITMIME", "DSN", "SMTPUTF8"],
      ...options,
    });
    peers.set(name, peer);
    ports[name] = peer.port;
  }
  for (const name of scenario.servers ?? []) ports[name] = freePort();
  const told: string[] = [];
  const comsat = scenario.comsat ? createSocket("udp4") : undefined;
  if (comsat !== undefined) {
    comsat.on("message", (message) => told.push(message.toString("latin1")));
    await new Promise<void>((done) => comsat.bind(0, "127.0.0.1", done));
    ports["comsat"] = (comsat.address() as AddressInfo).port;
  }
  const held: Deno.FsFile[] = [];
  const replies: Record<string, string[]> = {};
  return {
    ports,
    lockFiles(directory) {
      for (const [path, kind] of Object.entries(scenario.locked ?? {})) {
        const file = Deno.openSync(`${directory}/${path}`, { read: true, write: true });
        held.push(file);
        const fd = fileDescriptor(`${directory}/${path}`);
        if (!(kind === "flock" ? flockTry(fd, "exclusive") : fileLock(fd))) {
          throw new Error(`${path} is locked`);
        }
      }
    },
    async send(directory, port, after) {
      let taken = 0;
      for (const message of scenario.messages) {
        if (message.internal) {
          const status = await feedCleanup(`${directory}/spool`, message);
          if (status === 0) taken += 1;
          else replies[message.id] = [`status ${status}`];
          await after(taken);
          continue;
        }
        const failures = await sendMessage(message.via === undefined ? port : ports[message.via]!, message);
        if (failures.accepted) taken += 1;
        if (failures.replies.length > 0) replies[message.id] = failures.replies;
        await after(taken);
      }
      return taken;
    },
    async heard(count) {
      for (let tries = 0; tries < 100 && told.length < count; tries++) {
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    result(directory) {
      const sent: Record<string, string[]> = {};
      for (const [name, peer] of peers) {
        for (const { id, text } of peer.sessions.flatMap(transactions)) {
          (sent[id] ??= []).push(normalised(`${name}: ${text}`, directory, ports));
        }
      }
      for (const list of Object.values(sent)) list.sort();
      return {
        ...(Object.keys(replies).length === 0 ? {} : { replies }),
        ...(peers.size === 0 ? {} : { sent }),
        ...(comsat === undefined ? {} : { comsat: told.map((text) => normalised(text, directory)).sort() }),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const peer of peers.values()) await peer.close();
      for (const file of held) file.close();
      comsat?.close();
    },
  };
}

/** Sends one message, which has to be taken with all of its recipients. */
export async function sendTaken(port: number, message: WorldMessage): Promise<void> {
  const { replies } = await sendMessage(port, message);
  if (replies.length > 0) throw new Error(`${message.id}: ${replies.join("\n")}`);
}

/** The descriptor of this process that a file is open at. */
function fileDescriptor(path: string): number {
  const real = Deno.realPathSync(path);
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === real) return Number(name);
    } catch {
      // Closed meanwhile: the directory itself.
    }
  }
  throw new Error(`${path} is not open`);
}

/** Speaks one message to the server at a port. */
async function sendMessage(
  port: number,
  message: WorldMessage,
): Promise<{ accepted: boolean; replies: string[] }> {
  const client = await connectSmtp(port);
  const replies: string[] = [];
  const say = async (line: string, code = "2") => {
    const reply = await client.say(line);
    if (!reply.startsWith(code)) replies.push(`${line.slice(0, 80).split("\r")[0]}: ${reply}`);
    return reply.startsWith(code);
  };
  try {
    await client.say("EHLO client.example");
    for (const command of message.commands ?? []) await say(command);
    if (!await say(`MAIL FROM:<${message.from ?? "sender@outside.example"}>${message.mail ?? ""}`)) {
      return { accepted: false, replies };
    }
    let recipients = 0;
    for (const to of message.to) if (await say(`RCPT TO:<${to}>${message.rcpt ?? ""}`)) recipients += 1;
    if (recipients === 0) return { accepted: false, replies };
    await say("DATA", "354");
    const lines = [
      `Message-ID: <${message.id}@case>`,
      "Date: Mon, 1 Jan 2024 00:00:00 +0000",
      ...(message.headers?.some((header) => header.startsWith("From:"))
        ? []
        : ["From: sender@outside.example"]),
      ...(message.headers?.some((header) => header.startsWith("To:")) ? [] : ["To: rcpt@example.com"]),
      "Subject: test",
      ...(message.headers ?? []),
      "",
      ...(message.body ?? ["hello"]),
    ];
    const content = lines.map((line) => line.startsWith(".") ? `.${line}` : line).join("\r\n");
    return { accepted: await say(`${content}\r\n.`), replies };
  } finally {
    client.close();
  }
}

/** The messages of a session at a next hop, with their envelopes; notices are left out, which have words of their own. */
function transactions({ commands, messages }: FakeSession): { id: string; text: string }[] {
  const found: { id: string; text: string }[] = [];
  let envelope: string[] = [];
  const contents = [...messages];
  for (const command of commands) {
    if (/^MAIL/i.test(command)) envelope = [command.replace(/ SIZE=\d+/, "")];
    else if (/^RCPT/i.test(command)) envelope.push(command);
    else if (/^DATA/i.test(command)) {
      const content = (contents.shift() ?? "").replaceAll("\r\n", "\n");
      const id = /^Message-ID: <([^@]*)@case>/im.exec(content.split("\n\n")[0]!)?.[1];
      if (id !== undefined) found.push({ id, text: `${envelope.join("\n")}\n${content}` });
    }
  }
  return found;
}
