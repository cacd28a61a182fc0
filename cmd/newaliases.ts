import { loadMaker, rebuildAliases } from "../core/table/mod.ts";
import { findCommand } from "./registry.ts";
import { FatalError, runTool } from "./queue_tool.ts";
import { tableLog } from "./table_tool.ts";

export const help = `
Usage: newaliases [-C DIR] [-oA TABLE] [other options of sendmail]

Rebuilds the alias tables that alias_database names, or those of -oA, as "sendmail -bi" does.
`;

/** `newaliases`, with the options of sendmail. Exit code 0, 1 when a table could not be made, 75 for wrong usage. */
export async function run(args: string[], name: string): Promise<number> {
  if (args.length > 0) return await (await findCommand("sendmail")!.load()).run(["-I", ...args], name);
  return await runTool("postalias", 1, undefined, async (tool) => {
    const { MakeError } = await loadMaker();
    try {
      await rebuildAliases(tool.config, tableLog(tool));
      return 0;
    } catch (error) {
      if (error instanceof MakeError) throw new FatalError(error.message);
      throw error;
    }
  });
}
