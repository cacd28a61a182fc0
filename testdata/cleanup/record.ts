/**
 * Records what real Postfix's cleanup(8) makes of the cases in cases.ts:
 *
 *   deno run -A testdata/cleanup/record.ts INSTANCE > testdata/cleanup/golden.json
 *
 * INSTANCE is a directory with `etc` (configuration directory of a running private Postfix instance), `q` (its
 * queue_directory) and `log` (its maillog_file).
 */
import { encodeText } from "../../core/bytes/mod.ts";
import { baseConfig, caseRecords, type CleanupCase, type CleanupOutcome, normalFile, normalText } from "./case.ts";
import { cases } from "./cases.ts";

const instance = Deno.args[0]!;
const only = Deno.args[1];
const tables = `${instance}/tables`;

async function postfix(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    env: { MAIL_CONFIG: `${instance}/etc` },
    stderr: "piped",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

let applied = "";
const touched = new Set<string>();

async function configure(test: CleanupCase): Promise<void> {
  const settings = Object.entries(test.config ?? {}).map(([name, value]) =>
    `${name}=${value.replaceAll("@DIR@", tables)}`
  );
  const wanted = JSON.stringify([settings, test.tables]);
  if (wanted === applied) return;
  Deno.mkdirSync(tables, { recursive: true });
  for (const [name, text] of Object.entries(test.tables ?? {})) Deno.writeTextFileSync(`${tables}/${name}`, text);
  for (const name of ["header_checks", "mime_header_checks", "nested_header_checks", "body_checks"]) touched.add(name);
  await postfix("postconf", "-X", ...touched);
  touched.clear();
  await postfix("postconf", "-e", ...Object.entries(baseConfig).map(([n, v]) => `${n}=${v}`), ...settings);
  for (const name of Object.keys(test.config ?? {})) if (!(name in baseConfig)) touched.add(name);
  await postfix("postfix", "reload");
  await new Promise((done) => setTimeout(done, 700));
  applied = wanted;
}

async function readUntil(conn: Deno.Conn, done: (text: string) => boolean): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!done(text)) {
    const count = await conn.read(buffer);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

let marks = 0;

/** What the log has got since it was `size` bytes long. A mark that goes the same way tells when it is all there. */
async function logSince(size: number): Promise<string> {
  const mark = `end of case ${++marks}`;
  await postfix("postlog", mark);
  for (;;) {
    const text = new TextDecoder().decode(Deno.readFileSync(`${instance}/log`).subarray(size));
    if (text.includes(mark)) return text;
    await new Promise((done) => setTimeout(done, 5));
  }
}

async function run(test: CleanupCase): Promise<CleanupOutcome> {
  await configure(test);
  const before = Deno.statSync(`${instance}/log`).size;
  const conn = await Deno.connect({ transport: "unix", path: `${instance}/q/public/cleanup` });
  const greeting = (await readUntil(conn, (text) => text.endsWith("\0\0"))).split("\0");
  const id = greeting[greeting.indexOf("queue_id") + 1]!;
  const flags = encodeText(`flags\0${test.flags | 4}\0\0`);
  const writing = (async () => {
    for (const bytes of [flags, caseRecords(test)]) {
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }
    (conn as Deno.UnixConn).closeWrite();
  })();
  const reply = (await readUntil(conn, (text) => text.endsWith("\0\0"))).split("\0");
  await writing.catch(() => {});
  conn.close();
  const status = Number(reply[reply.indexOf("status") + 1]);
  const reason = reply[reply.indexOf("reason") + 1] ?? "";
  let file: string[] | undefined;
  const path = `${instance}/q/hold/${id}`;
  try {
    file = normalFile(Deno.readFileSync(path), id);
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const log = (await logSince(before)).split("\n")
    .map((line) => /postfix\/cleanup\[\d+\]: (.*)$/.exec(line)?.[1]).filter((line) => line !== undefined)
    .filter((line) => line.includes(id) || !/^[0-9A-F]{8,}: /.test(line))
    .map((line) => normalText(line.replaceAll(tables, "@DIR@"), id));
  return { status, reason, ...(file === undefined ? {} : { file }), log };
}

const golden: Record<string, CleanupOutcome> = {};
for (const test of cases) {
  if (only !== undefined && !test.name.includes(only)) continue;
  golden[test.name] = await run(test);
}
console.log(JSON.stringify(golden, null, 1));
