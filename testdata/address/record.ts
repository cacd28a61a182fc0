/**
 * Records what a real Postfix makes of addresses: rewriting and routing by its rewrite service, envelopes and headers
 * by its cleanup service, unknown recipients by its SMTP server. Makes one private instance after the other in a
 * scratch directory, with the main.cf files and tables of this directory, and writes NAME.json beside NAME.cf.
 *
 * Usage, as root, with Postfix installed: deno run -A testdata/address/record.ts SCRATCH-DIRECTORY PORT [NAME ...]
 */
import { ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import { AttributeReader, AttributeWriter, readAnnouncement } from "../../core/ipc/mod.ts";
import { appendTextRecord, readRecords, RecordType } from "../../core/queue/mod.ts";
import { openQueueWith } from "../../core/queue/testing.ts";
import { CHOSEN, ENVELOPES, HEADERS, hostile } from "./addresses.ts";

const [scratch, port, ...names] = Deno.args;
if (scratch === undefined || port === undefined) throw new Error("Name a scratch directory and a port");
const here = import.meta.dirname!;

/** One connection to the rewrite service, which answers many requests. */
class Rewrite {
  readonly #reader: AttributeReader;
  private constructor(readonly connection: Deno.Conn) {
    this.#reader = new AttributeReader(connection);
  }
  static async open(path: string): Promise<Rewrite> {
    const rewrite = new Rewrite(await Deno.connect({ transport: "unix", path }));
    await readAnnouncement(rewrite.#reader, "rewrite");
    return rewrite;
  }
  async #ask(pairs: readonly (readonly [string, string])[]): Promise<string[]> {
    const writer = new AttributeWriter();
    for (const [name, value] of pairs) writer.text(name, value);
    await writer.end().flush(this.connection);
    const values: string[] = [];
    for (let next = await this.#reader.next(); next !== undefined; next = await this.#reader.next()) {
      values.push(next.value);
    }
    return values;
  }
  async rewrite(rule: string, address: string): Promise<string> {
    return (await this.#ask([["request", "rewrite"], ["rule", rule], ["address", address]]))[1]!;
  }
  async resolve(request: string, sender: string, address: string): Promise<string[]> {
    return (await this.#ask([["request", request], ["sender", sender], ["address", address]])).slice(1);
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  await new Deno.Command(command, { args, env: { MAIL_CONFIG: `${scratch}/conf` }, stdout: "null", stderr: "null" })
    .output();
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function startInstance(name: string): Promise<void> {
  await Deno.remove(scratch!, { recursive: true }).catch(() => {});
  for (const part of ["conf/tables", "queue", "data"]) Deno.mkdirSync(`${scratch}/${part}`, { recursive: true });
  Deno.chmodSync(scratch!, 0o755);
  await run("chown", "postfix", `${scratch}/data`);
  for (const table of Deno.readDirSync(`${here}/tables`)) {
    Deno.copyFileSync(`${here}/tables/${table.name}`, `${scratch}/conf/tables/${table.name}`);
  }
  Deno.writeTextFileSync(
    `${scratch}/conf/main.cf`,
    `${Deno.readTextFileSync(`${here}/${name}.cf`)}
queue_directory = ${scratch}/queue
data_directory = ${scratch}/data
maillog_file = ${scratch}/log
maillog_file_prefixes = ${scratch}
alternate_config_directories = ${scratch}/conf
multi_instance_enable = yes
multi_instance_name = postfix-record
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_recipient_limit = 100000
`,
  );
  Deno.writeTextFileSync(
    `${scratch}/conf/master.cf`,
    `127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`,
  );
  await run("postfix", "start");
  await pause(1500);
}

interface Cleaned {
  readonly status: number;
  readonly reason: string;
  readonly sender?: string;
  readonly recipients?: readonly string[];
  readonly headers?: readonly string[];
}

/** One message through cleanup, onto hold, and read back. */
async function clean(
  context: string,
  sender: string,
  recipient: string,
  headers: readonly string[],
  noMapping = false,
): Promise<Cleaned> {
  const connection = await Deno.connect({ transport: "unix", path: `${scratch}/queue/public/cleanup` });
  const reader = new AttributeReader(connection);
  const id = (await readAnnouncement(reader, "cleanup")).get("queue_id")!;
  // Hold, automatic BCC, address mapping.
  await new AttributeWriter().integer("flags", noMapping ? 0x14 : 0x34).end().flush(connection);
  const out = new ByteBuffer();
  appendTextRecord(out, RecordType.Time, "1795000000 0");
  appendTextRecord(out, RecordType.Attribute, `rewrite_context=${context}`);
  appendTextRecord(out, RecordType.Sender, sender);
  appendTextRecord(out, RecordType.Recipient, recipient);
  appendTextRecord(out, RecordType.Message, "");
  appendTextRecord(out, RecordType.Normal, "Received: by here");
  for (const line of headers.flatMap((header) => header.split("\n"))) appendTextRecord(out, RecordType.Normal, line);
  appendTextRecord(out, RecordType.Normal, "X-End: here");
  appendTextRecord(out, RecordType.Normal, "");
  appendTextRecord(out, RecordType.Extracted, "");
  appendTextRecord(out, RecordType.End, "");
  for (let rest = out.toBytes(); rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  const status = await reader.integer("status");
  const reason = await reader.text("reason");
  connection.close();
  if (status !== 0) return { status, reason };
  const queue = openQueueWith({
    directory: `${scratch}/queue`,
    longIds: false,
    hashNames: [],
    hashDepth: 1,
    attributeLimit: 100,
    oldLogLine: true,
  });
  const envelope = queue.readEnvelope("hold", id);
  const lines: string[] = [];
  for (const { type, data } of readRecords(Deno.readFileSync(queue.path("hold", id)))) {
    if (type === RecordType.Normal) lines.push(decodeText(data));
  }
  Deno.removeSync(queue.path("hold", id));
  return {
    status,
    reason,
    sender: envelope.sender,
    recipients: envelope.recipients.map((each) => each.address),
    headers: lines.slice(1, lines.indexOf("X-End: here")),
  };
}

async function recipientReplies(addresses: readonly string[]): Promise<[string, string][]> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  let pending = "";
  const buffer = new Uint8Array(65536);
  const reply = async () => {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n/.exec(pending);
      if (match !== null) {
        pending = pending.slice(match[0].length);
        return match[0].trim();
      }
      const count = await connection.read(buffer);
      if (count === null) throw new Error("The SMTP server hung up");
      pending += decodeText(buffer.subarray(0, count));
    }
  };
  const say = async (line: string) => {
    await connection.write(encodeText(`${line}\r\n`));
    return await reply();
  };
  await reply();
  await say("EHLO client.test");
  await say("MAIL FROM:<s@x.org>");
  const replies: [string, string][] = [];
  for (const address of addresses) replies.push([address, await say(`RCPT TO:<${address}>`)]);
  connection.close();
  return replies;
}

const SENDERS = ["s@x.org", "", "q@y.org", "u@x.org", "t+e@x.org", "v@z.org"];
const RECIPIENTS = [
  ...CHOSEN.filter((each) => /^[!-~]+@[!-~]+$/.test(each) && !/[\\"(]/.test(each)),
  ..."alice@example.com alice+x@example.com alice+x alice ALICE@localhost bob@mail.example.com carol@example.com".split(" "),
  ..."postmaster@example.com mailer-daemon@example.com double-bounce@example.com box@vmail.org box+x@vmail.org".split(" "),
  ..."nobox@vmail.org any@catchall.vmail.org known@relay.org known+e@relay.org unknown@relay.org any@all.relay.org".split(" "),
  ..."info@virt.org info+e@virt.org nobody@virt.org @catch.org any@catch.org user@example.com localuser@example.com".split(" "),
];

for (const name of names.length > 0 ? names : ["plain", "maps", "odd", "verify"]) {
  await startInstance(name);
  const rewrite = await Rewrite.open(`${scratch}/queue/private/rewrite`);
  const routes: unknown[] = [];
  const random = hostile(name === "verify" ? 100 : 600, name.length);
  for (const address of [...CHOSEN, ...random]) {
    const resolved: Record<string, string[]> = {};
    for (const sender of random.includes(address) ? [""] : SENDERS) {
      for (const request of ["resolve", "verify"]) {
        const answer = await rewrite.resolve(request, sender, address);
        resolved[`${request} ${sender}`] = answer;
      }
    }
    routes.push([address, await rewrite.rewrite("local", address), await rewrite.rewrite("remote", address), resolved]);
  }
  rewrite.connection.close();
  const envelopes: unknown[] = [];
  for (const address of ENVELOPES) {
    const asSender = await clean("local", address, "fixed@example.net", []);
    const asRecipient = await clean("local", "fixed@example.net", address, []);
    const unmapped = await clean("local", address, address, [], true);
    envelopes.push([address, asSender, asRecipient, unmapped].map((each) => {
      if (typeof each === "string") return each;
      const { headers: _headers, ...rest } = each;
      return rest;
    }));
  }
  const headers: unknown[] = [];
  for (const value of HEADERS) {
    const outcome: Record<string, unknown> = {};
    for (const context of ["local", "remote"]) {
      for (const [scope, label] of [["sender", "Reply-To"], ["recipient", "To"]] as const) {
        const cleaned = await clean(context, "fixed@example.net", "fixed@example.net", [`${label}: ${value}`]);
        outcome[`${context} ${scope}`] = cleaned.headers ?? [cleaned.status, cleaned.reason];
      }
    }
    headers.push([value, outcome]);
  }
  const recipients = await recipientReplies(RECIPIENTS);
  const warnings = [
    ...new Set(
      [...Deno.readTextFileSync(`${scratch}/log`).matchAll(/(?:cleanup|rewrite)\[\d+\]: warning: (.*)/g)]
        .map((match) => match[1]!.replace(/^[0-9A-F]{8,}: /, "").replaceAll(scratch, "SCRATCH"))
        .filter((line) => !/^valid_|^rewrite_addr|null address/.test(line)),
    ),
  ];
  await run("postfix", "stop");
  Deno.writeTextFileSync(
    `${here}/${name}.json`,
    `{\n"routes": [\n${routes.map((each) => JSON.stringify(each)).join(",\n")}\n],\n` +
      `"envelopes": [\n${envelopes.map((each) => JSON.stringify(each)).join(",\n")}\n],\n` +
      `"headers": [\n${headers.map((each) => JSON.stringify(each)).join(",\n")}\n],\n` +
      `"recipients": [\n${recipients.map((each) => JSON.stringify(each)).join(",\n")}\n],\n` +
      `"warnings": [\n${warnings.map((each) => JSON.stringify(each)).join(",\n")}\n]\n}\n`,
  );
}
