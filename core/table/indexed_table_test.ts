import assert from "node:assert/strict";
import { configFromText } from "../config/mod.ts";
import { mapFile } from "../system/mod.ts";
import { BlockFile } from "./block_file.ts";
import { indexFormats } from "./index_formats.ts";
import { findValue } from "./index_reader.ts";
import { aliasDefaults, makeTable } from "./maker.ts";
import { TableSet } from "./mod.ts";

const ENTRIES = 30_000;
const options = {
  ...aliasDefaults(configFromText(""), { info() {}, warning() {} }),
  aliases: false,
  terminator: "without" as const,
};

/** Tables of all indexed types with many times the entries that fit in a reader's memory. */
function inDirectory(work: (path: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    const path = `${directory}/map`;
    const lines = Array.from({ length: ENTRIES }, (_, index) => `user${index}@example.com value${index}\n`);
    Deno.writeTextFileSync(path, lines.join(""));
    work(path);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("indexed tables: lookups open no file, and memory stays within its limit", () =>
  inDirectory((path) => {
    const cacheBytes = 256 << 10;
    for (const [type, { suffix, locking }] of indexFormats) {
      makeTable(type, path, options);
      const tables = new TableSet(undefined, { cacheBytes });
      const table = tables.open(`${type}:${path}`);
      assert.equal(table.lookup("user0@example.com"), "value0");
      let opened = 0;
      const { openSync } = Deno;
      Deno.openSync = (...args) => {
        opened += 1;
        return openSync(...args);
      };
      try {
        for (let index = 0; index < ENTRIES; index++) {
          assert.equal(table.lookup(`user${index}@example.com`), `value${index}`);
        }
      } finally {
        Deno.openSync = openSync;
      }
      assert.equal(opened, 0, type);
      tables.close();

      // What a reader keeps is this one buffer, whatever the size of the file.
      const file = new BlockFile(path + suffix, cacheBytes, locking);
      const reader = indexFormats.get(type)!.open(file);
      for (let index = 0; index < ENTRIES; index += 7) {
        assert.ok(findValue(reader, new TextEncoder().encode(`user${index}@example.com`)) !== undefined);
      }
      assert.ok(file.size > 3 * cacheBytes);
      assert.equal(file.bytes.length, cacheBytes);
      file.close();
    }
  }));

Deno.test("indexed tables: a mapped file has the same answers", () =>
  inDirectory((path) => {
    const encoder = new TextEncoder();
    for (const [type, { suffix, locking }] of indexFormats) {
      makeTable(type, path, options);
      const file = new BlockFile(path + suffix, 0, locking, mapFile);
      const reader = indexFormats.get(type)!.open(file);
      file.together(() => {
        for (let index = 0; index < ENTRIES; index++) {
          const value = findValue(reader, encoder.encode(`user${index}@example.com`));
          assert.equal(new TextDecoder().decode(value), `value${index}`);
        }
        assert.equal(findValue(reader, encoder.encode("nobody@example.com")), undefined);
      });
      file.close();
    }
  }));
