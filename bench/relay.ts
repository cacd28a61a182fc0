/** Relaying: SMTP in, synced queue file, SMTP out, from the first connection to the last message at the sink. */
import type { Peer } from "./peers.ts";
import { treeUsage } from "./process_tree.ts";
import { untilQueueEmpty } from "./queue_end.ts";

export interface Load {
  readonly name: string;
  readonly messages: number;
  readonly sessions: number;
  /** Bytes a message. */
  readonly size: number;
  readonly recipients: number;
  /** What the ratio (messages a second, Postel to Postfix) is to be at least. */
  readonly goal: number;
}

export interface RelayResult {
  readonly messagesPerSecond: number;
  /** CPU milliseconds a message, all processes of the peer. */
  readonly cpuMs: number;
  /** Proportional set size at the end of the load, bytes. */
  readonly pss: number;
}

/** Runs one load through a peer that is up. Throws if mail stays in the queue for two minutes more. */
export async function relay(peer: Peer, load: Load): Promise<RelayResult> {
  const before = treeUsage(peer.pid(), false);
  const start = performance.now();
  const args = ["-s", load.sessions, "-m", load.messages, "-l", load.size, "-r", load.recipients];
  const { success, stderr } = await new Deno.Command("smtp-source", {
    args: [
      ...args.map(String),
      "-f",
      "sender@example.org",
      "-t",
      "recipient@example.net",
      `127.0.0.1:${peer.port}`,
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`smtp-source: ${new TextDecoder().decode(stderr)}`);
  const loaded = treeUsage(peer.pid(), true);
  await untilQueueEmpty(peer);
  const seconds = (performance.now() - start) / 1000;
  const after = treeUsage(peer.pid(), false);
  return {
    messagesPerSecond: load.messages / seconds,
    cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1000) / load.messages,
    pss: loaded.pss,
  };
}
