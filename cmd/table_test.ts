import assert from "node:assert/strict";
import { selfCommand } from "../core/system/mod.ts";

Deno.test("postel table: what is wrong comes first, and the exit code says so", async () => {
  const directory = Deno.makeTempDirSync();
  const source = `${directory}/transport`;
  Deno.writeTextFileSync(source, "example.com local:\n");
  Deno.writeTextFileSync(`${source}.cdb`, "x");
  const { program, args } = selfCommand("table", source, `${source}.cdb`, `hash:${source}`);
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout).replaceAll(/\d{4}-\S+Z/g, "TIME").replaceAll(
    directory,
    "DIR",
  );
  assert.equal(
    text,
    `DIR/transport
  type:         text
  entries:      1
  size:         19 bytes
  .cdb table:   not older than this
  modified:     TIME
DIR/transport.cdb
  problem:      the file is too short to be a CDB file
  type:         cdb
  size:         1 bytes
  modified:     TIME
  source:       DIR/transport, modified TIME
  rebuild:      due: the table can't be used as it is
`,
  );
  const said = new TextDecoder().decode(stderr).replaceAll(directory, "DIR");
  assert.equal(said, "postel table: open DIR/transport.db: No such file or directory\n");
  assert.equal(code, 1);
  Deno.removeSync(directory, { recursive: true });
});
