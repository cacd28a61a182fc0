import assert from "node:assert/strict";
import { configFromText, masterEntriesFromText } from "../../core/config/mod.ts";
import type { DeliveryRequest } from "../delivery/types.ts";
import { type ArgumentRules, expandArguments } from "./arguments.ts";
import { readAttributes } from "./attributes.ts";
import { randomNumbers } from "../../testdata/random.ts";

const config = configFromText("compatibility_level = 3.11\nmail_owner = nobody\nsetgid_group = nogroup\n");

function attributesOf(text: string) {
  const [entry] = masterEntriesFromText(`test unix - n n - - pipe ${text}\n`, "master.cf", config);
  const warnings: string[] = [];
  return { ...readAttributes(config, entry!, (warning) => warnings.push(warning)), warnings };
}

Deno.test("attributes: flags, escapes, words in braces", () => {
  const found = attributesOf(
    "flags=Fq? user=bin eol=\\r\\012 null_sender= size=100 directory=/tmp chroot=/jail argv=/bin/x {a  b} { c } -f${sender}",
  );
  assert.deepEqual(found.argv, ["/bin/x", "a  b", "c", "-f${sender}"]);
  assert.deepEqual([found.lineEnd, found.nullSender, found.sizeLimit], ["\r\n", "", 100]);
  assert.deepEqual([found.directory, found.chroot], ["/tmp", "/jail"]);
  assert.deepEqual(found.warnings, ["unknown flag: ? (ignored)"]);
});

Deno.test("attributes: what is wrong is said, with the line of master.cf", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["user=root argv=/bin/x", /specifies root privileges/],
    ["user=bin:root argv=/bin/x", /privileged group id 0/],
    ["user=nobody argv=/bin/x", /specifies mail system owner nobody/],
    ["user=bin:nogroup argv=/bin/x", /specifies mail system/],
    ["user=no-such-user-here argv=/bin/x", /unknown username: no-such-user-here/],
    ["user=bin:no-such-group argv=/bin/x", /unknown group: no-such-group/],
    ["user=bin", /missing argv=/],
    ["argv=/bin/x", /missing user=/],
    ["user=bin size=ten argv=/bin/x", /bad size= value: ten/],
    ["color=red argv=/bin/x", /unknown attribute name: color=red/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => attributesOf(text), (error: Error & { origin?: { line: number } }) => {
      assert.match(error.message, message);
      assert.equal(error.origin?.line, 1);
      return true;
    });
  }
});

const rules: ArgumentRules = {
  flags: new Set(),
  nullSender: "MAILER-DAEMON",
  extensions: { delimiters: "+", ownerRequestSpecial: true, doubleBounceSender: "double-bounce" },
  foldCase: (name) => name.toLowerCase(),
};

function requestTo(...addresses: string[]): DeliveryRequest {
  return {
    sender: "",
    nexthop: "Next.Hop",
    queueId: "ABC",
    messageSize: 12,
    envelopeId: "e1",
    attributes: new Map(),
    recipients: addresses.map((address) => ({
      address,
      original: address,
      dsnOriginal: "",
      notify: 0,
      offset: -1,
    })),
  } as unknown as DeliveryRequest;
}

Deno.test("arguments: every octet of an address stays in its own word, and nothing of it is expanded", () => {
  const random = randomNumbers(20261123);
  const alphabet = "ab $`\"'\\{}()|;&<>*?~!#%^=-+\n\t\u00e9\udcff";
  for (let round = 0; round < 3000; round++) {
    const local = Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join("");
    const address = `x${local}@example.com`;
    const words = expandArguments(
      ["p", "${recipient}", "-f$sender", "$$", "<${mailbox}>"],
      requestTo(address),
      rules,
    );
    assert.deepEqual(words, ["p", address, "-fMAILER-DAEMON", "$", `<x${local}>`]);
  }
});

Deno.test("arguments: one word for each recipient, folding and quoting by flag", () => {
  const request = requestTo("Joe+A@EX.org", "a b@EX.org");
  const flags = { ...rules, flags: new Set("hqu") };
  assert.deepEqual(
    expandArguments(
      ["x", "${user}/${extension}", "${recipient}", "${nexthop}", "${queue_id}:${size}:${envid}"],
      request,
      flags,
    ),
    ["x", "joe/a", "a b/", "joe+a@ex.org", '"a b"@ex.org', "next.hop", "ABC:12:e1"],
  );
  assert.throws(() => expandArguments(["x", "${colour}"], request, rules), /unknown macro name: "colour"/);
});
