/** `postel queue watch`: a live view in the terminal; q, Esc or Ctrl-C ends it. */
import { type Group, LISTED_QUEUES, openQueue, parseAge, Tally } from "../core/queue/mod.ts";
import { type LogCounts, LogTail, renderWatch, type WatchState } from "../daemon/queue_tool/mod.ts";
import { listedMessages } from "./queue_messages.ts";
import { optionValue, type QueryOptions, UsageProblem } from "./queue_query.ts";
import { FatalError, type Tool } from "./queue_tool.ts";
import { terminalSize } from "./terminal_size.ts";

const encoder = new TextEncoder();

/** Rates are taken over so many looks. */
const RATE_LOOKS = 15;
const TOP_LINES = 50;
/** The listing is made again when this many times its own duration has passed: it is work for the mail system. */
const LISTING_SHARE = 20;
const LISTING_PAUSE = 10_000;

/** Where the mail log stands. */
function logPath(tool: Tool): string {
  const file = tool.config.string("maillog_file");
  if (file !== "" && file !== "/dev/stdout") return file;
  for (const path of ["/var/log/mail.log", "/var/log/maillog"]) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return "/var/log/mail.log";
}

/** Gathers what the view shows. */
class Watcher {
  readonly #tool: Tool;
  readonly #tail: LogTail;
  readonly #rates: { counts: LogCounts; seconds: number }[] = [];
  #top: Group[] = [];
  #topTime: number | undefined;
  #problem: string | undefined;
  #listing = false;
  #nextListing = 0;
  #lastLook = performance.now();
  #counted: readonly (readonly [string, number | undefined])[] = LISTED_QUEUES.map((
    name,
  ) => [name, undefined]);
  #direct = true;

  constructor(tool: Tool) {
    this.#tool = tool;
    this.#tail = new LogTail(logPath(tool));
    this.#tail.look();
  }

  look(): void {
    const now = performance.now();
    this.#rates.push({ counts: this.#tail.look(), seconds: (now - this.#lastLook) / 1000 });
    this.#rates.splice(0, this.#rates.length - RATE_LOOKS);
    this.#lastLook = now;
    this.#count();
    if (!this.#listing && now >= this.#nextListing) void this.#list();
  }

  /** Counts directory entries; users who may not read the queue get the numbers of the last listing. */
  #count(): void {
    if (!this.#direct) return;
    const queue = openQueue(this.#tool.config);
    try {
      this.#counted = LISTED_QUEUES.map((name) => {
        let count = 0;
        for (const _ of queue.scan(name)) count += 1;
        return [name, count];
      });
    } catch {
      this.#direct = false;
    }
  }

  async #list(): Promise<void> {
    this.#listing = true;
    const start = performance.now();
    const tally = new Tally("domain");
    const counts = new Map<string, number>(LISTED_QUEUES.map((name) => [name, 0]));
    try {
      for await (const batch of listedMessages(this.#tool)) {
        for (const message of batch) {
          counts.set(message.queue, (counts.get(message.queue) ?? 0) + 1);
          if (message.queue === "deferred") tally.add(message);
        }
      }
      this.#top = tally.top(TOP_LINES);
      this.#topTime = Date.now() / 1000;
      if (!this.#direct) this.#counted = [...counts];
      this.#problem = undefined;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#problem = error.message;
    } finally {
      const took = performance.now() - start;
      this.#nextListing = performance.now() + Math.max(took * LISTING_SHARE, LISTING_PAUSE);
      this.#listing = false;
    }
  }

  state(): WatchState {
    const problems = [this.#problem, this.#tail.problem && `Log: ${this.#tail.problem}`];
    return {
      now: Date.now() / 1000,
      host: this.#tool.config.string("myhostname"),
      queues: this.#counted,
      rates: this.#rates,
      top: this.#top,
      ...(this.#topTime === undefined ? {} : { topTime: this.#topTime }),
      logLines: this.#tail.lines,
      problems: problems.filter((problem) => problem !== undefined),
    };
  }

  close(): void {
    this.#tail.close();
  }
}

/** The alternate screen in raw mode, and the way back. */
class Screen {
  enter(): void {
    Deno.stdin.setRaw(true);
    this.#write("\x1b[?1049h\x1b[?25l\x1b[2J");
  }

  draw(state: WatchState): void {
    const { columns, rows } = terminalSize();
    const lines = renderWatch(state, columns, rows);
    // Line by line over the old picture: clearing the screen first would flicker.
    this.#write("\x1b[H" + lines.map((line) => `${line}\x1b[K`).join("\r\n") + "\x1b[J");
  }

  leave(): void {
    this.#write("\x1b[?25h\x1b[?1049l");
    Deno.stdin.setRaw(false);
  }

  #write(text: string): void {
    let rest = encoder.encode(text);
    while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
  }
}

/** Resolves when a key that ends the view was pressed, or standard input ended. */
async function quitKey(): Promise<void> {
  const buffer = new Uint8Array(64);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return;
    const keys = buffer.subarray(0, count);
    // Ctrl-C, Ctrl-D, q; Esc only alone: it begins the code of every other special key.
    if (keys.some((key) => key === 3 || key === 4 || key === 0x71 || key === 0x51)) return;
    if (count === 1 && keys[0] === 0x1b) return;
  }
}

/** Runs the view until it is ended. Exit code 0. */
export async function runWatch(tool: Tool, options: QueryOptions): Promise<number> {
  const interval = optionValue("--interval", options.interval ?? "2s", parseAge) * 1000;
  if (interval === 0) throw new UsageProblem("--interval: use at least 1s");
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new FatalError("watch needs a terminal; use list, top or age here");
  }
  // What the listing has to say would fall into the picture.
  const watcher = new Watcher({ ...tool, log: tool.mailLog });
  const screen = new Screen();
  const redraw = () => screen.draw(watcher.state());
  let ended = () => {};
  const terminated = new Promise<void>((resolve) => ended = resolve);
  const signals: Deno.Signal[] = ["SIGTERM", "SIGHUP", "SIGINT"];
  for (const signal of signals) Deno.addSignalListener(signal, ended);
  Deno.addSignalListener("SIGWINCH", redraw);
  screen.enter();
  const timer = setInterval(() => {
    watcher.look();
    redraw();
  }, interval);
  try {
    watcher.look();
    redraw();
    // A first listing of a small queue is there at once: no need to wait for the next look.
    setTimeout(redraw, 300);
    await Promise.race([quitKey(), terminated]);
  } finally {
    clearInterval(timer);
    for (const signal of signals) Deno.removeSignalListener(signal, ended);
    Deno.removeSignalListener("SIGWINCH", redraw);
    screen.leave();
    watcher.close();
  }
  // The read of the next key is still under way and would keep the process alive.
  Deno.exit(0);
}
