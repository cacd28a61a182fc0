import assert from "node:assert/strict";
import { foldKey } from "./fold.ts";
import { TableSet } from "./mod.ts";

const POSTMAP = "/usr/sbin/postmap";

function installed(): boolean {
  try {
    return Deno.statSync(POSTMAP).isFile;
  } catch {
    return false;
  }
}

Deno.test("foldKey: ASCII only without UTF-8, full folding with it", () => {
  assert.equal(foldKey("AbZ@X", true), "abz@x");
  assert.equal(foldKey("ÄB", false), "Äb");
  assert.equal(
    foldKey("Straße ΣΑΣ İ ﬁ \u212a \u13a0 \uab70", true),
    "strasse σασ i\u0307 fi k \u13a0 \u13a0",
  );
});

Deno.test({
  name: "foldKey: every character folds as in Postfix, except those that are newer than its Unicode tables",
  ignore: !installed(),
  fn() {
    const directory = Deno.makeTempDirSync();
    Deno.writeTextFileSync(
      `${directory}/main.cf`,
      "compatibility_level = 3.6\nmyhostname = mail.example.com\n",
    );
    const keys: string[] = [];
    for (let code = 0x80; code < 0x1fbff; code++) {
      const character = String.fromCodePoint(code);
      if (/[\p{L}\p{M}\p{N}\p{S}]/u.test(character)) keys.push(`${code.toString(16)}/${character}/`);
    }
    Deno.writeTextFileSync(`${directory}/map`, keys.map((key, index) => `${key} ${index}\n`).join(""));
    const { success } = new Deno.Command(POSTMAP, {
      args: ["cdb:map"],
      cwd: directory,
      env: { MAIL_CONFIG: directory },
      stderr: "inherit",
    }).outputSync();
    assert.ok(success);
    const stored = new TableSet().open(`cdb:${directory}/map`).entries!() as Iterable<[string, string]>;
    let differ = 0;
    for (const [folded, index] of stored) {
      const key = keys[Number(index)]!;
      if (foldKey(key, true) === folded) continue;
      // A character that Postfix's library does not know yet is left alone there.
      assert.equal(folded, key);
      differ += 1;
    }
    assert.ok(differ < 100, `${differ} characters`);
    Deno.removeSync(directory, { recursive: true });
  },
});
