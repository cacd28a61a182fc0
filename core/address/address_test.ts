import assert from "node:assert/strict";
import { hostile } from "../../testdata/address/addresses.ts";
import { randomNumbers } from "../../testdata/random.ts";
import { configFromText } from "../config/mod.ts";
import { TableSet } from "../table/mod.ts";
import {
  addressesOf,
  AddressMapError,
  createAddressing,
  createGenericMap,
  createRewriting,
  formatAddressList,
  isHostname,
  literalAddress,
  parseAddressList,
  runSteps,
  scanTokens,
  splitExtension,
  toExternal,
  toInternal,
  tokensToInternal,
} from "./mod.ts";

const BASE = `
myhostname = mail.example.com
mydomain = example.com
myorigin = example.com
mydestination = example.com
inet_interfaces = 127.0.0.1
local_recipient_maps =
alias_maps =
`;

function open(mainCf: string) {
  const warnings: string[] = [];
  const log = { info() {}, warning: (text: string) => void warnings.push(text) };
  const config = configFromText(BASE + mainCf, { directory: import.meta.dirname! });
  const tables = new TableSet(config, { log });
  const deps = { config, tables, log };
  const addressing = createAddressing(deps);
  return { deps, addressing, rewriting: createRewriting({ ...deps, addressing }), warnings };
}

/** Random characters, most of them such as parsers look at. */
function noise(count: number, seed: number): string[] {
  const random = randomNumbers(seed);
  const alphabet = `ab.@%!"\\()<>[],:; \t\r\n=?+-\u00e9\u{1f600}\udc80\udcff`;
  const characters = [...alphabet];
  return Array.from(
    { length: count },
    () => Array.from({ length: random(40) }, () => characters[random(characters.length)]).join(""),
  );
}

Deno.test("quoting: internal forms survive (fixed seed)", () => {
  for (const address of [...hostile(3000, 1), ...noise(3000, 2)]) {
    // A source route in front is left alone, quotes in it included.
    if (address.startsWith("@")) continue;
    assert.equal(toInternal(toExternal(address)), address, JSON.stringify(address));
  }
});

Deno.test("address lists: any header can be read and written (fixed seed)", () => {
  for (const header of [...hostile(3000, 3), ...noise(3000, 4)]) {
    const list = parseAddressList(header);
    const text = formatAddressList(list, " ");
    // Nothing but white space and the backslashes of comments may be lost.
    for (const character of header.match(/[a-z\u00e9\u{1f600}]/gu) ?? []) assert.ok(text.includes(character));
    for (const node of addressesOf(list)) assert.ok(node.tokens.length > 0, JSON.stringify(header));
  }
});

Deno.test("address lists: what was written is read as the same addresses", () => {
  const headers = [
    'Joe User <joe@x.test>, "Doe, J." <doe@x.test> (home)',
    "Friends: a@x.test, b@x.test;, c@x.test",
    'a@[192.0.2.1], @r.test:b@x.test, <@r.test:c@x.test>, "q q"@x.test',
  ];
  for (const header of headers) {
    const list = parseAddressList(header);
    const again = parseAddressList(formatAddressList(list, "\n"));
    assert.deepEqual(again, list, header);
  }
});

Deno.test("address lists: 64 KB of anything takes no time to speak of", () => {
  for (const piece of ["(", "<", '"', "a ", "a,", "@a,", ":;", "<a>", "\\", "[", "()", "a@b "]) {
    const text = piece.repeat(65536 / piece.length);
    const list = parseAddressList(text, 10240);
    formatAddressList(list, "\n");
    assert.ok(addressesOf(list).length <= 10240);
    tokensToInternal(scanTokens(text, 1000));
  }
});

Deno.test("address lists: tokens beyond the limit are ignored", () => {
  assert.equal(addressesOf(parseAddressList("a,b,c,d", 3)).length, 2);
});

Deno.test("addressing: no address makes it fail (fixed seed)", async () => {
  const { addressing, rewriting } = open("append_dot_mydomain = yes\n");
  for (const address of ["", ...hostile(1500, 5), ...noise(1500, 6), "a".repeat(65536), "@".repeat(2000)]) {
    const canonical = addressing.rewriteInternal("local", address);
    const resolved = await addressing.resolve("", canonical);
    assert.ok(resolved.error !== undefined || resolved.transport !== "", JSON.stringify(address));
    await rewriting.rewriteRecipient(address);
    await rewriting.rewriteHeaderAddresses(address, "sender", "remote");
    await addressing.checkRecipient(canonical);
  }
});

Deno.test("splitExtension: the first delimiter counts, built-in names stay whole", () => {
  const rules = { delimiters: "+-", ownerRequestSpecial: true, doubleBounceSender: "double-bounce" };
  const cases: [string, string | undefined][] = [
    ["joe+a", "joe|a"],
    ["joe-a+b", "joe|a+b"],
    ["joe", undefined],
    ["+a", undefined],
    ["joe+", "joe|"],
    ["postmaster+a", "postmaster|a"],
    ["owner-list", undefined],
    ["list-request", undefined],
    ["double-bounce", undefined],
    ["mailer-daemon", undefined],
  ];
  for (const [local, expected] of cases) {
    const split = splitExtension(local, rules);
    assert.equal(split === undefined ? undefined : `${split.user}|${split.extension}`, expected, local);
  }
  assert.equal(
    splitExtension("list-request", { ...rules, ownerRequestSpecial: false })?.extension,
    "request",
  );
  assert.equal(splitExtension("joe+a", { ...rules, delimiters: "" }), undefined);
});

Deno.test("host names and literals", () => {
  for (const good of ["a", "a.b-c.d_e", "bücher.example", "x".repeat(63), "1.2.3.a"]) {
    assert.ok(isHostname(good), good);
  }
  for (
    const bad of ["", ".", "a.", ".a", "a..b", "-a", "a-", "1.2.3.4", "a b", "x".repeat(64), "ü-", "a@b", "*"]
  ) {
    assert.ok(!isHostname(bad), bad);
  }
  assert.ok(!isHostname("bücher.example", false));
  assert.equal(literalAddress("[192.0.2.1]"), "192.0.2.1");
  assert.equal(literalAddress("[IPv6:2001:db8::1]"), "2001:db8::1");
  for (const bad of ["[]", "[2001:db8::1]", "[300.1.1.1]", "192.0.2.1", "[IPv6:192.0.2.1]"]) {
    assert.equal(literalAddress(bad), undefined, bad);
  }
});

Deno.test("resolve: octets that are no UTF-8 are bad syntax, unless there is no UTF-8 at all", async () => {
  const addresses = ["\udcff@remote.org", "\udce4", "joe@\udce4.org", "jürgen@remote.org", "joe@bücher.org"];
  const errors = async (setting: string) => {
    const { addressing } = open(setting);
    const answers = await Promise.all(addresses.map((address) => addressing.resolve("", address)));
    return answers.map(({ error }) => error?.kind);
  };
  assert.deepEqual(await errors("smtputf8_enable = yes"), [
    "syntax",
    "syntax",
    "syntax",
    undefined,
    undefined,
  ]);
  assert.deepEqual(await errors("smtputf8_enable = no"), [
    undefined,
    undefined,
    "syntax",
    undefined,
    "syntax",
  ]);
});

Deno.test("own addresses: any spelling of an IPv6 address of this host is local", async () => {
  const { addressing } = open("inet_interfaces = 127.0.0.1, 2001:db8::1\nproxy_interfaces = 192.0.2.7\n");
  for (const literal of ["[IPv6:2001:DB8:0:0::1]", "[192.0.2.7]", "[127.0.0.1]"]) {
    assert.equal(await runSteps(addressing.rules.isLocalDomain(literal)), true, literal);
  }
  assert.equal(await runSteps(addressing.rules.isLocalDomain("[IPv6:2001:db8::2]")), false);
});

Deno.test("a table that can't answer: deferred, not bounced and not forgotten", async () => {
  const broken = "fail:broken";
  const { addressing, rewriting } = open(`transport_maps = ${broken}\nvirtual_alias_maps = ${broken}\n`);
  assert.equal((await addressing.resolve("", "joe@remote.org")).error?.kind, "temporary");
  await assert.rejects(async () => await addressing.checkRecipient("joe@example.com"));
  await assert.rejects(
    async () => await rewriting.rewriteRecipient("joe@example.com"),
    (error) => error instanceof AddressMapError && error.kind === "lookup",
  );
});

Deno.test("generic: single step, extension only if wanted, headers keep their words", async () => {
  const table =
    "inline:{ {joe@example.com=joe@isp.test} {@sub.example.com=me@isp.test} {a@x.test=b@x.test} {b@x.test=c@x.test} }";
  const { deps, addressing } = open(`smtp_generic_maps = ${table}\nrecipient_delimiter = +\n`);
  const generic = createGenericMap({ ...deps, addressing }, "smtp_generic_maps");
  assert.equal(await generic.rewrite("joe@example.com"), "joe@isp.test");
  assert.equal(await generic.rewrite("joe+x@example.com"), "joe@isp.test");
  assert.equal(await generic.rewrite("any@sub.example.com"), "me@isp.test");
  assert.equal(await generic.rewrite("a@x.test"), "b@x.test");
  assert.equal(await generic.rewrite("other@x.test"), "other@x.test");
  assert.equal(await generic.rewrite(""), "");
  assert.equal(
    await generic.rewriteHeader('"Joe, J." <joe@example.com> (home), other@x.test'),
    '"Joe, J." <joe@isp.test>(home),\nother@x.test',
  );
  assert.equal(await generic.rewriteHeader("other@x.test (joe@example.com)"), undefined);
});

Deno.test("virtual aliases: one recipient becomes a thousand", async () => {
  const members = Array.from({ length: 999 }, (_, index) => `m${index}@x.test`).join(", ");
  const { rewriting } = open(`virtual_alias_maps = inline:{ {list@example.com=${members}} }\n`);
  const { expanded } = await rewriting.rewriteRecipient("list@example.com");
  assert.equal(expanded.length, 999);
});

Deno.test("canonical classes of senders and of recipients say where their tables count", async () => {
  const { rewriting } = open(
    "recipient_canonical_maps = inline:{r@example.com=new@example.com}\n" +
      "recipient_canonical_classes = header_recipient\n" +
      "sender_canonical_maps = inline:{s@example.com=new@example.com}\nsender_canonical_classes = envelope_sender\n",
  );
  assert.equal((await rewriting.rewriteRecipient("r@example.com")).address, "r@example.com");
  assert.equal(
    await rewriting.rewriteHeaderAddresses(" r@example.com", "recipient", "local"),
    "new@example.com",
  );
  assert.equal(await rewriting.rewriteEnvelopeSender("s@example.com"), "new@example.com");
  assert.equal(await rewriting.rewriteHeaderAddresses(" s@example.com", "sender", "local"), undefined);
});
