import assert from "node:assert/strict";
import { inDirectory } from "../system/directory_testing.ts";
import { openJournal } from "./mod.ts";

const quiet = { warn: (text: string) => assert.fail(text) };

Deno.test("a journal has its entries again when it is opened anew", () =>
  inDirectory((directory) => {
    const path = `${directory}/j`;
    const first = openJournal(path, quiet);
    assert.equal(first.existed, false);
    first.set("a", "1");
    first.set("b\t\n\\", "2\t\n\\n");
    first.set("c", "3");
    first.set("a", "4");
    first.delete("c");
    first.close();
    const second = openJournal(path, quiet);
    assert.equal(second.existed, true);
    assert.deepEqual([...second.entries()], [["a", "4"], ["b\t\n\\", "2\t\n\\n"]]);
    second.close();
  }));

Deno.test("what is flushed is there without a close, as after a crash", () =>
  inDirectory((directory) => {
    const path = `${directory}/j`;
    const first = openJournal(path, quiet);
    first.set("a", "1");
    first.flush();
    const second = openJournal(path, quiet);
    assert.equal(second.get("a"), "1");
    first.close();
    second.close();
  }));

Deno.test("torn, changed and foreign lines are passed over, wherever the file was cut", () =>
  inDirectory((directory) => {
    const path = `${directory}/j`;
    const first = openJournal(path, quiet);
    for (let i = 0; i < 20; i++) first.set(`key${i}`, `value${i}`);
    first.close();
    const whole = Deno.readFileSync(path);
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    for (let round = 0; round < 300; round++) {
      const bytes = whole.slice(0, random(whole.length + 1));
      for (let i = 0; i < round % 4 && bytes.length > 0; i++) bytes[random(bytes.length)] = random(256);
      Deno.writeFileSync(path, bytes);
      const again = openJournal(path, quiet);
      for (const [key, value] of again.entries()) assert.equal(value, key.replace("key", "value"));
      const before = again.size;
      again.set("new", "entry");
      again.close();
      const last = openJournal(path, quiet);
      assert.equal(last.size, before + 1);
      last.close();
    }
  }));

Deno.test("a journal that is mostly waste is written anew", () =>
  inDirectory((directory) => {
    const path = `${directory}/j`;
    const journal = openJournal(path, quiet);
    for (let i = 0; i < 5000; i++) {
      journal.set("same", String(i));
      journal.flush();
    }
    assert.ok(Deno.statSync(path).size < 60_000);
    journal.close();
    const again = openJournal(path, quiet);
    assert.deepEqual([...again.entries()], [["same", "4999"]]);
    again.close();
  }));

Deno.test("a journal whose file can't be written goes on in memory and says so", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const warnings: string[] = [];
  inDirectory((directory) => {
    const path = `${directory}/j`;
    const journal = openJournal(path, { warn: (text) => warnings.push(text) });
    for (let i = 0; i < 3000; i++) journal.set("same", String(i));
    // The file would have to be written anew, beside itself: that fails.
    Deno.mkdirSync(`${path}.new`);
    journal.flush();
    assert.equal(journal.get("same"), "2999");
    assert.match(warnings[0]!, /\/j: .*[Dd]irectory/);
    Deno.removeSync(`${path}.new`);
    journal.set("other", "1");
    journal.flush();
    journal.close();
    const again = openJournal(path, quiet);
    assert.deepEqual([...again.entries()], [["same", "2999"], ["other", "1"]]);
    again.close();
  });
});
