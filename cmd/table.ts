import { Command, CommanderError } from "commander";
import type { Inspection } from "../core/table/maker.ts";
import { printable } from "../core/bytes/mod.ts";
import { loadMaker, TableError } from "../core/table/mod.ts";
import { print } from "./queue_tool.ts";

export const help = `
Usage: postel table [--json] FILE...

Shows what a lookup table file is: its type, entries, page size and age, and whether it must be rebuilt because its source
has changed or it is damaged. Every entry is read and looked up again. FILE is a path, whose suffix tells what the file
should be, or type:name. Exit code 0 if all files are in order, 1 if one has a problem.

  --json   one JSON object a line
`;

/** `postel table`. Exit code 0 if all files are in order, 1 if one has a problem, 64 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const command = new Command("table")
    .exitOverride()
    .description("show what a lookup table file is")
    .option("--json", "one JSON object a line")
    .argument("<file...>", "paths or type:name");
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 64;
  }
  const { inspectTable } = await loadMaker();
  let code = 0;
  for (const target of command.args) {
    try {
      const found = inspectTable(target);
      if (found.problems.length > 0) code = 1;
      print(
        command.opts<{ json?: boolean }>().json === true ? `${JSON.stringify(found)}\n` : describe(found),
      );
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      console.error(`postel table: ${printable(error.message)}`);
      code = 1;
    }
  }
  return code;
}

function describe(found: Inspection): string {
  const lines: [string, string][] = found.problems.map((problem) => ["problem", printable(problem)]);
  lines.push(["type", found.type]);
  if (found.entries !== undefined) lines.push(["entries", String(found.entries)]);
  lines.push(["size", `${found.size} bytes`]);
  for (const [name, value] of Object.entries(found.details)) {
    if (name !== "entries") lines.push([name, String(value)]);
  }
  if (found.terminated !== undefined) lines.push(["keys", found.terminated ? "with a NUL" : "without a NUL"]);
  if (found.aliases === true) lines.push(["made by", "postalias or newaliases"]);
  lines.push(["modified", found.modified.toISOString()]);
  if (found.source !== undefined) {
    const { file, modified } = found.source;
    lines.push([
      "source",
      modified === undefined ? `no ${file}` : `${file}, modified ${modified.toISOString()}`,
    ]);
  }
  if (found.rebuildDue !== undefined) {
    lines.push(["rebuild", found.rebuildDue ? `due: ${found.rebuildReason}` : "not due"]);
  }
  return `${found.file}\n${lines.map(([name, value]) => `  ${`${name}:`.padEnd(13)} ${value}\n`).join("")}`;
}
