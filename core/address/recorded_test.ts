/** Compares with what a real Postfix answered (testdata/address/record.ts). */
import assert from "node:assert/strict";
import { configFromText } from "../config/mod.ts";
import { TableSet } from "../table/mod.ts";
import { AddressMapError, createAddressing, createRewriting, type Resolved, type Rewriting } from "./mod.ts";

const DATA = `${import.meta.dirname}/../../testdata/address`;

interface Cleaned {
  readonly status: number;
  readonly reason: string;
  readonly sender?: string;
  readonly recipients?: readonly string[];
}
interface Recording {
  readonly routes:
    readonly (readonly [string, string, string, Readonly<Record<string, readonly string[]>>])[];
  readonly envelopes: readonly (readonly [string, Cleaned, Cleaned, Cleaned])[];
  readonly headers: readonly (readonly [string, Readonly<Record<string, readonly (string | number)[]>>])[];
  readonly recipients: readonly (readonly [string, string])[];
  readonly warnings: readonly string[];
}

const CLASSES: Readonly<Record<number, string>> = {
  256: "local",
  512: "virtual alias",
  1024: "virtual mailbox",
  2048: "relay",
  4096: "default",
};

function open(name: string) {
  const warnings: string[] = [];
  const log = { info() {}, warning: (text: string) => void warnings.push(text) };
  const config = configFromText(Deno.readTextFileSync(`${DATA}/${name}.cf`), { directory: DATA });
  const tables = new TableSet(config, { log });
  const addressing = createAddressing({ config, tables, log });
  const rewriting = createRewriting({ config, tables, log, addressing });
  return { addressing, rewriting, warnings, tables };
}

/** Answers of trivial-rewrite: transport, next hop, recipient, flags. */
function comparable(answer: readonly string[]): unknown {
  const [transport, nexthop, recipient, flagText] = answer as [string, string, string, string];
  const flags = Number(flagText);
  const error = (flags & 4) !== 0 ? "syntax" : (flags & 8) !== 0 ? "temporary" : undefined;
  const addressClass = CLASSES[flags & 0x1f00];
  const routed = (flags & 2) !== 0;
  return error === undefined
    ? { transport, nexthop, recipient, addressClass, routed }
    : { recipient, addressClass, routed, error };
}
function ours({ transport, nexthop, recipient, addressClass, routed = false, error }: Resolved): unknown {
  return error === undefined
    ? { transport, nexthop, recipient, addressClass, routed }
    : { recipient, addressClass, routed, error: error.kind };
}

/** What cleanup answers for the same message, made from the rewriting alone. */
async function cleaned(
  rewriting: Rewriting,
  sender: string,
  recipient: string,
  map: boolean,
): Promise<Cleaned> {
  try {
    const rewritten = await rewriting.rewriteEnvelopeSender(sender, map);
    const recipients: string[] = [];
    const add = (addresses: readonly string[]) => {
      for (const address of addresses) {
        if (!recipients.includes(address.toLowerCase())) recipients.push(address);
      }
    };
    const bcc = async (address: string | undefined) => {
      if (address !== undefined) add((await rewriting.rewriteRecipient(address, map)).expanded);
    };
    await bcc(await rewriting.senderBcc(rewritten));
    const { address, expanded } = await rewriting.rewriteRecipient(recipient, map);
    add(expanded);
    await bcc(await rewriting.recipientBcc(address));
    return { status: 0, reason: "", sender: rewritten, recipients };
  } catch (error) {
    if (!(error instanceof AddressMapError)) throw error;
    return error.kind === "expansion"
      ? { status: 256, reason: "4.6.0 Alias expansion error" }
      : { status: 2, reason: "" };
  }
}

/** A rewritten header as cleanup writes it: lines are joined up to 70 columns, later ones begin with a tab. */
function folded(header: string): string[] {
  const lines: string[] = [];
  for (const line of header.split("\n")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + line.length < 70) lines[lines.length - 1] = `${last} ${line}`;
    else lines.push(line);
  }
  return lines.map((line, index) => index === 0 ? line : `\t${line}`);
}

for (const name of ["plain", "maps", "odd", "verify"]) {
  const recording = JSON.parse(Deno.readTextFileSync(`${DATA}/${name}.json`)) as Recording;

  Deno.test(`addresses as Postfix: rewriting and routing (${name}.cf)`, async () => {
    const { addressing, warnings, tables } = open(name);
    for (const [address, local, remote, routes] of recording.routes) {
      assert.equal(addressing.rewrite("local", address), local, `local context: ${JSON.stringify(address)}`);
      assert.equal(
        addressing.rewrite("remote", address),
        remote,
        `remote context: ${JSON.stringify(address)}`,
      );
      for (const [question, answer] of Object.entries(routes)) {
        const [request, sender] = question.split(" ") as [string, string];
        const resolved = request === "verify"
          ? await addressing.verifyResolve(sender, address)
          : await addressing.resolve(sender, address);
        assert.deepEqual(ours(resolved), comparable(answer), `${question}: ${JSON.stringify(address)}`);
      }
    }
    const doubtful = (lines: readonly string[]) =>
      new Set(lines.filter((line) => line.startsWith("do not list")).map((line) => line.toLowerCase()));
    assert.deepEqual(doubtful(warnings), doubtful(recording.warnings));
    tables.close();
  });

  Deno.test(`addresses as Postfix: envelopes (${name}.cf)`, async () => {
    const { rewriting, tables } = open(name);
    for (const [address, asSender, asRecipient, unmapped] of recording.envelopes) {
      const where = JSON.stringify(address);
      assert.deepEqual(
        await cleaned(rewriting, address, "fixed@example.net", true),
        asSender,
        `sender ${where}`,
      );
      assert.deepEqual(
        await cleaned(rewriting, "fixed@example.net", address, true),
        asRecipient,
        `recipient ${where}`,
      );
      assert.deepEqual(await cleaned(rewriting, address, address, false), unmapped, `unmapped ${where}`);
    }
    tables.close();
  });

  Deno.test(`addresses as Postfix: headers (${name}.cf)`, async () => {
    const { rewriting, tables } = open(name);
    const config = configFromText(Deno.readTextFileSync(`${DATA}/${name}.cf`), { directory: DATA });
    const remoteRewritten = config.string("remote_header_rewrite_domain") !== "";
    for (const [value, outcomes] of recording.headers) {
      for (const [question, lines] of Object.entries(outcomes)) {
        const [context, scope] = question.split(" ") as ["local" | "remote", "sender" | "recipient"];
        const label = scope === "sender" ? "Reply-To" : "To";
        let actual: (string | number)[];
        try {
          const changed = context === "remote" && !remoteRewritten
            ? undefined
            : await rewriting.rewriteHeaderAddresses(` ${value}`, scope, context);
          actual = changed === undefined ? `${label}: ${value}`.split("\n") : folded(`${label}: ${changed}`);
        } catch (error) {
          assert.ok(error instanceof AddressMapError);
          actual = [2, ""];
        }
        assert.deepEqual(actual, lines, `${question}: ${JSON.stringify(value)}`);
      }
    }
    tables.close();
  });

  Deno.test(`addresses as Postfix: unknown recipients (${name}.cf)`, async () => {
    const { addressing, tables } = open(name);
    let compared = 0;
    for (const [address, reply] of recording.recipients) {
      if (!reply.includes("Recipient address rejected: ") && !reply.startsWith("250")) continue;
      compared++;
      const canonical = addressing.rewriteInternal("local", address);
      const check = await addressing.checkRecipient(canonical, "s@x.org");
      const said = check.known
        ? "250 2.1.5 Ok"
        : `${check.replyCode} ${check.code} <${address}>: Recipient address rejected: ${check.text}`;
      assert.equal(said, reply);
    }
    assert.ok(compared > 20, `${compared} replies compared`);
    tables.close();
  });
}
