/** What recorders of real Postfix's answers share: a private instance, its services, dialogues with it, its log. */

/** Services without which nothing works. `transport` is what smtp, local and the like do with mail. */
export function services(transport: "discard" | "real"): string {
  const of = (program: string) => transport === "real" ? program : "discard";
  return `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - ${of("smtp")}
relay unix - - n - - ${of("smtp")}
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - ${of("local")}
virtual unix - n n - - ${of("virtual")}
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;
}

/** An entry of master.cf for an SMTP server with settings of its own; `options` are its columns from `chroot` on. */
export function smtpServer(
  port: number,
  settings: Readonly<Record<string, string>>,
  options: { readonly syslogName?: string; readonly columns?: string } = {},
): string {
  const own = options.syslogName === undefined ? {} : { syslog_name: options.syslogName };
  return `127.0.0.1:${port} inet n - ${options.columns ?? "n - -"} smtpd\n` +
    Object.entries({ ...own, ...settings }).map(([name, value]) => `    -o { ${name} = ${value} }\n`).join("");
}

export const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A private instance of Postfix below a directory, which has to be under /tmp. Needs root. */
export class PostfixInstance {
  #logAt = 0;

  constructor(readonly directory: string) {}

  /** Makes the directories anew; what ran there before is stopped. */
  async prepare(): Promise<void> {
    await this.run("postfix", "stop").catch(() => "");
    await Deno.remove(this.directory, { recursive: true }).catch(() => {});
    for (const name of ["etc", "spool", "data"]) await Deno.mkdir(`${this.directory}/${name}`, { recursive: true });
    await Deno.chmod(this.directory, 0o755);
    await this.run("chown", "postfix", `${this.directory}/data`);
  }

  /** Writes main.cf, to which it adds the instance's own places, and master.cf, and starts. */
  async start(main: Readonly<Record<string, string>>, master: string): Promise<void> {
    const { directory } = this;
    const all = {
      ...main,
      queue_directory: `${directory}/spool`,
      data_directory: `${directory}/data`,
      maillog_file: `${directory}/mail.log`,
      maillog_file_prefixes: "/tmp",
      command_directory: "/usr/sbin",
      daemon_directory: "/usr/lib/postfix/sbin",
      mail_owner: "postfix",
      setgid_group: "postdrop",
    };
    const text = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`).join("");
    await Deno.writeTextFile(`${directory}/etc/main.cf`, text);
    await Deno.writeTextFile(`${directory}/etc/master.cf`, master);
    await this.run("postfix", "start");
    await pause(1000);
  }

  async stop(): Promise<void> {
    await this.run("postfix", "stop");
  }

  /** Runs a program with this configuration; throws if it fails. Returns its output as octets. */
  async run(command: string, ...args: string[]): Promise<string> {
    const env = { MAIL_CONFIG: `${this.directory}/etc` };
    const { code, stdout, stderr } = await new Deno.Command(command, { args, env, stdout: "piped", stderr: "piped" })
      .output();
    if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder("latin1").decode(stdout);
  }

  log(): string {
    return Deno.readTextFileSync(`${this.directory}/mail.log`);
  }

  /** The new lines of one SMTP server, without time and process; waits a while until `end` is among all new lines. */
  async newLog(syslogName: string, end: RegExp, patience = 1500): Promise<string[]> {
    for (let waited = 0; waited < patience; waited += 25) {
      await pause(25);
      if (end.test(this.log().slice(this.#logAt))) break;
    }
    await pause(60);
    const text = this.log();
    const added = text.slice(this.#logAt).split("\n");
    this.#logAt = text.length;
    return added.filter((line) => line.includes(`${syslogName}/smtpd[`)).map((line) => line.slice(line.indexOf("]: ") + 3));
  }
}

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** So long an answer may take (ms), so that silence is told from thinking. */
const PATIENCE = 1500;
/** So long nothing more may come before an answer counts as whole (ms). */
const QUIET = 60;

/**
 * Plays one dialogue, a string as octets: the greeting, what came after each piece, whether the connection is still open.
 * @param early the first piece is sent at once
 */
export async function play(port: number, pieces: readonly string[], early = false): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  let received = "";
  let closed = false;
  let wake = () => {};
  (async () => {
    const buffer = new Uint8Array(65536);
    try {
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        for (let i = 0; i < count; i++) received += String.fromCharCode(buffer[i]!);
        wake();
      }
    } catch {
      // Reset.
    }
    closed = true;
    wake();
  })();
  const quiet = async () => {
    for (;;) {
      const before = received.length;
      if (closed) break;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, received.length === 0 ? PATIENCE : QUIET);
        wake = () => (clearTimeout(timer), done());
      });
      if (received.length === before) break;
    }
    const answer = received;
    received = "";
    return answer;
  };
  const answers = [early ? "" : await quiet()];
  for (const piece of pieces) {
    if (closed) break;
    try {
      await conn.write(octets(piece));
    } catch {
      break;
    }
    answers.push(await quiet());
  }
  answers.push(closed ? "CLOSED" : "OPEN");
  try {
    conn.close();
  } catch {
    // Closed already.
  }
  return answers;
}

/** Servers with settings of their own, and what is said to each: dialogues by title, in pieces. */
export type DialogueGroups = Readonly<
  Record<string, {
    readonly settings: Readonly<Record<string, string>>;
    readonly dialogues: Readonly<Record<string, readonly string[]>>;
  }>
>;

/** What came back after each piece, and the log, by group and title. */
type RecordedDialogues = Record<string, Record<string, { answers: string[]; log: string[] }>>;

/** Queue ids differ from run to run. */
const steady = (text: string) =>
  text.replace(/queued as [0-9A-F]{6,}/g, "queued as QUEUEID").replace(/^(warning: )?[0-9A-F]{8,}: /gm, "$1QUEUEID: ");

/**
 * Starts an instance that is prepared, one server a group from `firstPort` on, plays the dialogues and writes them to `path`.
 * @param only these groups; the others stay in the file as they are
 */
export async function recordDialogues(
  instance: PostfixInstance,
  main: Readonly<Record<string, string>>,
  groups: DialogueGroups,
  firstPort: number,
  path: URL,
  only?: readonly string[],
): Promise<void> {
  const names = Object.keys(groups);
  const servers = names.map((name, index) => smtpServer(firstPort + index, groups[name]!.settings, { syslogName: name }));
  await instance.start({ ...main, default_process_limit: "20" }, services("discard") + servers.join(""));
  const recorded: RecordedDialogues = only === undefined ? {} : JSON.parse(await Deno.readTextFile(path));
  const end = /disconnect from/;
  for (const [index, name] of names.entries()) {
    if (only !== undefined && !only.includes(name)) continue;
    const group: RecordedDialogues[string] = recorded[name] = {};
    await instance.newLog(name, end);
    for (const [title, pieces] of Object.entries(groups[name]!.dialogues)) {
      const answers = (await play(firstPort + index, pieces)).map(steady);
      group[title] = { answers, log: (await instance.newLog(name, end)).map(steady) };
    }
  }
  await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
  await instance.stop();
}
