/**
 * No accepted message is lost: processes are killed with SIGKILL at random moments (fixed seed) while messages come in
 * and go out. What got a 250 must arrive at least once and unharmed, and the queue must end empty.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { linesOf } from "./control.ts";
import { freePort, startInstance, type TestInstance } from "./testing.ts";

const MESSAGES = 5000;
const SESSIONS = 10;

/** Numbers below `below`, the same in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
}

/** The body of message `n`: a few lines with dots, long lines and nothing that repeats between messages. */
function bodyOf(n: number): string {
  const random = seeded(n + 1);
  const lines: string[] = [];
  for (let count = 5 + random(40); count > 0; count--) {
    const length = random(20) === 0 ? 900 : random(90);
    lines.push(
      (random(6) === 0 ? "." : "") + String.fromCharCode(97 + random(26)).repeat(length) + random(1e6),
    );
  }
  return lines.join("\r\n") + "\r\n";
}

/** Takes every message and remembers which it got and how often. */
function startSink(): { port: number; received: Map<number, number>; mangled: number[]; close(): void } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received = new Map<number, number>();
  const mangled: number[] = [];
  const encoder = new TextEncoder();

  async function serve(connection: Deno.Conn): Promise<void> {
    const say = (text: string) => connection.write(encoder.encode(text + "\r\n"));
    await say("220 sink ESMTP");
    let content: string[] | undefined;
    for await (const raw of linesOf(connection.readable)) {
      const line = raw.replace(/\r$/, "");
      if (content !== undefined) {
        if (line !== ".") {
          content.push(line.startsWith(".") ? line.slice(1) : line);
          continue;
        }
        const text = content.join("\r\n") + "\r\n";
        content = undefined;
        const n = Number(/^X-Number: (\d+)\r$/m.exec(text)?.[1]);
        const body = text.slice(text.indexOf("\r\n\r\n") + 4);
        if (body === bodyOf(n)) received.set(n, (received.get(n) ?? 0) + 1);
        else mangled.push(n);
        await say("250 2.0.0 Ok");
        continue;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "EHLO") await say("250-sink\r\n250-PIPELINING\r\n250 8BITMIME");
      else if (verb === "DATA") {
        content = [];
        await say("354 go on");
      } else if (verb === "QUIT") {
        await say("221 bye");
        break;
      } else await say("250 2.0.0 Ok");
    }
  }

  (async () => {
    for await (const connection of listener) {
      serve(connection).catch(() => {}).finally(() => {
        try {
          connection.close();
        } catch {
          // Closed with its streams.
        }
      });
    }
  })();
  return { port: (listener.addr as Deno.NetAddr).port, received, mangled, close: () => listener.close() };
}

/** Sends messages until all are accepted; a broken session tries its message again. */
async function sendAll(port: number, accepted: Set<number>, next: () => number | undefined): Promise<void> {
  let n = next();
  while (n !== undefined) {
    try {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      try {
        const lines = linesOf(connection.readable);
        const writer = connection.writable.getWriter();
        const expect = async (code: string) => {
          for (;;) {
            const line = await lines.next();
            if (line.done || !line.value.startsWith(code)) throw new Error(String(line.value));
            if (line.value[3] !== "-") return;
          }
        };
        const say = (text: string) => writer.write(new TextEncoder().encode(text));
        await expect("220");
        await say("EHLO client.example\r\n");
        await expect("250");
        while (n !== undefined) {
          await say(`MAIL FROM:<sender${n}@example.org>\r\nRCPT TO:<rcpt@relay.example>\r\nDATA\r\n`);
          await expect("250");
          await expect("250");
          await expect("354");
          const body = bodyOf(n).replace(/^\./gm, "..");
          await say(`X-Number: ${n}\r\nSubject: crash test\r\n\r\n${body}.\r\n`);
          await expect("250");
          accepted.add(n);
          n = next();
        }
        await say("QUIT\r\n");
        await expect("221");
      } finally {
        try {
          connection.close();
        } catch {
          // Closed with its streams.
        }
      }
    } catch {
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      if (Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]) === pid) children.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return children;
}

function waiting(spool: string): string[] {
  const found: string[] = [];
  const walk = (path: string) => {
    for (const entry of Deno.readDirSync(path)) {
      if (entry.isDirectory) walk(`${path}/${entry.name}`);
      else found.push(`${path}/${entry.name}`);
    }
  };
  for (const queue of ["incoming", "active", "deferred", "maildrop", "corrupt"]) walk(`${spool}/${queue}`);
  return found;
}

/** What is waiting and complete; files of sessions that a kill interrupted are not, and nobody was told 250. */
function committed(spool: string): string[] {
  return waiting(spool).filter((path) => {
    try {
      return (Deno.statSync(path).mode! & 0o700) === 0o700;
    } catch {
      return false;
    }
  });
}

/**
 * What still waits when the queue has had time to become empty. A look may miss a file that moves from a directory still
 * to be walked to one that was: only several empty looks in a row count.
 */
async function settled(spool: string): Promise<string[]> {
  let left: string[] = [];
  for (let tries = 0, empty = 0; tries < 900 && empty < 5; tries++) {
    left = committed(spool);
    empty = left.length === 0 ? empty + 1 : 0;
    await new Promise((done) => setTimeout(done, 100));
  }
  return left;
}

async function crashTest(processes: boolean, seed: number, rounds: number): Promise<void> {
  const sink = startSink();
  const port = freePort();
  const random = seeded(seed);
  const options = {
    processes,
    port,
    main: [
      `relayhost = [127.0.0.1]:${sink.port}`,
      "minimal_backoff_time = 1s",
      "maximal_backoff_time = 2s",
      "queue_run_delay = 1s",
    ],
  };
  let instance: TestInstance = await startInstance(options);
  try {
    const accepted = new Set<number>();
    let counter = 0;
    const next = () => counter < MESSAGES ? counter++ : undefined;
    const sending = Promise.all(Array.from({ length: SESSIONS }, () => sendAll(port, accepted, next)));
    let kills = 0;
    for (let round = 0; round < rounds && accepted.size < MESSAGES; round++) {
      await new Promise((done) => setTimeout(done, 200 + random(500)));
      const children = childrenOf(instance.pid);
      if (processes && round % 4 !== 3) {
        const victim = children[round % children.length];
        if (victim !== undefined) Deno.kill(victim, "SIGKILL");
      } else {
        for (const child of children) Deno.kill(child, "SIGKILL");
        await instance.kill();
        instance = await startInstance({ ...options, directory: instance.directory });
      }
      kills += 1;
    }
    await sending;
    assert.equal(accepted.size, MESSAGES);
    assert.ok(kills >= 3, `only ${kills} kills: the load was over too soon`);
    assert.deepEqual(await settled(instance.spool), []);
    const lost = [...accepted].filter((n) => !sink.received.has(n));
    assert.deepEqual(lost, [], "accepted and never delivered");
    assert.deepEqual(sink.mangled, []);
    const copies = [...sink.received.values()].reduce((sum, count) => sum + count, 0);
    console.log(
      `${kills} kills, ${MESSAGES} messages accepted, ${copies - sink.received.size} delivered twice`,
    );
    assert.equal(await instance.stop(), 0);
  } finally {
    await instance[Symbol.asyncDispose]();
    sink.close();
  }
}

Deno.test({
  name: "crash: one process, killed again and again",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () => crashTest(false, 1, 12),
});

Deno.test({
  name: "crash: processes with their own rights, each in turn and all at once",
  ignore: process.geteuid?.() !== 0,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () => crashTest(true, 2, 16),
});
