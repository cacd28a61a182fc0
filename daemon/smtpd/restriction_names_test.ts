/** Every restriction of the manual is known, and its effect was compared with a real Postfix. */
import assert from "node:assert/strict";
import { groups } from "../../testdata/smtpd/access_cases.ts";
import { services } from "../../testdata/smtpd/verify_cases.ts";
import { restrictionNames as documented } from "../../testdata/smtpd/restriction_names.ts";
import { restrictionNames as known } from "./access/restrictions.ts";

/** The restrictions that a recording plays. */
function played(group: string): string {
  if (group === "verify") {
    return Object.values(services).map((settings) => settings.smtpd_recipient_restrictions).join(" ");
  }
  return Object.values(groups[group]!.cases).map(({ rules }) => rules).join(" ");
}

for (const [name, where] of Object.entries(documented)) {
  Deno.test(`restriction ${name} is known and compared with Postfix (${where})`, () => {
    assert.ok(known.includes(name), `${name} is not known`);
    const words = played(where).toLowerCase().split(/[\s,]+/);
    assert.ok(words.includes(name), `no case of the group ${where} has it`);
  });
}

Deno.test("what is known beyond the manual is ours", () => {
  const own = known.filter((name) => documented[name] === undefined);
  assert.deepEqual(own, ["postel_greylist"]);
});
