/** Private instances for tests: a real daemon process with its own directories and ports. */
import { freePort } from "../../core/system/free_port_testing.ts";
import { selfCommand } from "../../core/system/mod.ts";
import { linesOf, parseReport } from "./control.ts";
import { INTERNAL_SERVICES } from "./internal_services.ts";

export { freePort };

export interface InstanceOptions {
  /** Further main.cf lines; later ones win. */
  readonly main?: readonly string[];
  /** Further master.cf lines. */
  readonly master?: readonly string[];
  /** Processes of their own as root; without it one process. */
  readonly processes?: boolean;
  /** The directory of an earlier instance, to start on its spool again. */
  readonly directory?: string;
  readonly port?: number;
  /** A command that runs the rest of its arguments: enters a namespace, for example. */
  readonly enter?: readonly string[];
}

export interface TestInstance {
  readonly directory: string;
  /** Configuration directory. */
  readonly etc: string;
  readonly spool: string;
  readonly port: number;
  /** Process id of the master. */
  readonly pid: number;
  /** The mail log so far. */
  log(): string;
  /** Waits until the log matches; throws with the log after 20 seconds. */
  logged(pattern: RegExp): Promise<string>;
  /** Runs a command of the program on this instance. */
  run(command: readonly string[], input?: string): Promise<{ code: number; stdout: string; stderr: string }>;
  reload(): void;
  /** Orderly stop; resolves to the exit code. */
  stop(): Promise<number>;
  /** kill -9 of the master. */
  kill(): Promise<void>;
  /** Stops if need be and removes the directory. */
  [Symbol.asyncDispose](): Promise<void>;
}

function standardMain(directory: string, processes: boolean): string[] {
  return [
    "compatibility_level = 3.11",
    ...(processes ? ["mail_owner = postfix", "setgid_group = postdrop"] : []),
    `queue_directory = ${directory}/spool`,
    `data_directory = ${directory}/data`,
    `maillog_file = ${directory}/log/mail.log`,
    `maillog_file_prefixes = ${directory}`,
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "mynetworks = 127.0.0.0/8",
    "myhostname = mx.example.com",
    "mydestination = example.com",
    "alias_maps =",
    "alias_database =",
    "local_recipient_maps =",
  ];
}

/** Starts an instance and waits until it is ready. Throws with its own words if it can't start. */
export async function startInstance(options: InstanceOptions = {}): Promise<TestInstance> {
  const directory = options.directory ?? Deno.makeTempDirSync({ prefix: "postel-test-" });
  const port = options.port ?? freePort();
  const etc = `${directory}/etc`;
  // Processes that gave up root must be able to pass through.
  Deno.chmodSync(directory, 0o755);
  for (const part of ["etc", "spool", "data", "log"]) {
    Deno.mkdirSync(`${directory}/${part}`, { recursive: true });
  }
  const main = [...standardMain(directory, options.processes ?? false), ...(options.main ?? [])];
  Deno.writeTextFileSync(`${etc}/main.cf`, main.join("\n") + "\n");
  Deno.writeTextFileSync(
    `${etc}/master.cf`,
    `127.0.0.1:${port} inet n - n - - smtpd\n${INTERNAL_SERVICES}${(options.master ?? []).join("\n")}\n`,
  );
  const mode = options.processes ? [] : ["--single-process"];
  const { program, args } = selfCommand("daemon", "-c", etc, "--report", ...mode);
  const words = [...(options.enter ?? []), program, ...args];
  const child = new Deno.Command(words[0]!, {
    args: words.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let errors = "";
  const stderr = (async () => {
    for await (const chunk of child.stderr) errors += new TextDecoder().decode(chunk);
  })();
  const output = linesOf(child.stdout);
  const first = await output.next();
  const report = first.done ? undefined : parseReport(first.value);
  if (report?.report !== "ready") {
    await child.status;
    await stderr;
    throw new Error(`the instance did not start: ${JSON.stringify(report)} ${errors}`);
  }
  const drained = (async () => {
    while (!(await output.next()).done);
  })();
  let ended = false;
  const status = child.status.then((value) => {
    ended = true;
    return value;
  });
  const finished = async () => {
    const { code } = await status;
    await Promise.all([stderr, drained]);
    return code;
  };
  const readLog = () => {
    try {
      return Deno.readTextFileSync(`${directory}/log/mail.log`);
    } catch {
      return "";
    }
  };
  return {
    directory,
    etc,
    spool: `${directory}/spool`,
    port,
    pid: child.pid,
    log: readLog,
    async logged(pattern) {
      for (let tries = 0; tries < 400; tries++) {
        const match = pattern.exec(readLog());
        if (match !== null) return match[0];
        if (ended) break;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error(`the log has nothing like ${pattern}:\n${readLog()}\n${errors}`);
    },
    async run(command, input = "") {
      const self = selfCommand(...command);
      const process = new Deno.Command(self.program, {
        args: self.args,
        env: { MAIL_CONFIG: etc },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = process.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input)).catch(() => {});
      await writer.close().catch(() => {});
      const { code, stdout, stderr: text } = await process.output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(text) };
    },
    reload: () => child.kill("SIGHUP"),
    async stop() {
      if (!ended) child.kill("SIGTERM");
      return await finished();
    },
    async kill() {
      if (!ended) child.kill("SIGKILL");
      await finished();
    },
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      await finished();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

/** A client that speaks SMTP line by line. */
export interface TestClient {
  /** Sends a line and returns the whole reply, lines joined by `\n`. */
  say(line: string): Promise<string>;
  /** Sends bytes as they are. */
  send(text: string): Promise<void>;
  /** The next reply; empty at the end of the connection. */
  reply(): Promise<string>;
  close(): void;
}

/** Connects and reads the greeting, which is `greeting`. */
export async function connectSmtp(port: number): Promise<TestClient & { readonly greeting: string }> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = linesOf(connection.readable);
  const encoder = new TextEncoder();
  const reply = async () => {
    const collected: string[] = [];
    for (;;) {
      const next = await lines.next();
      if (next.done) break;
      const line = next.value.replace(/\r$/, "");
      collected.push(line);
      if (line[3] !== "-") break;
    }
    return collected.join("\n");
  };
  const writer = connection.writable.getWriter();
  const send = (text: string) => writer.write(encoder.encode(text));
  return {
    greeting: await reply(),
    reply,
    send,
    async say(line) {
      await send(line + "\r\n");
      return await reply();
    },
    close() {
      try {
        connection.close();
      } catch {
        // The streams closed it with the peer.
      }
    },
  };
}
