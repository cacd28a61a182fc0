import { loadMaker } from "./mod.ts";
import type { MakeOptions } from "./make_options.ts";

/** Makes a table from its source as postmap does without options. For tests. @param log is told of warnings */
export async function makeAsPostmap(type: string, path: string, log: MakeOptions["log"]): Promise<void> {
  const { makeTable } = await loadMaker();
  makeTable(type, path, {
    aliases: false,
    foldCase: true,
    utf8: true,
    duplicates: "warn",
    fileContents: false,
    keepRoot: false,
    defaultMode: false,
    lmdbMapSize: 16777216,
    hostname: "",
    log,
  });
}
