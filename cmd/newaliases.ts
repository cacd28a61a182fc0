import { loadMaker, rebuildAliases } from "../core/table/mod.ts";
import { FatalError, runTool } from "./queue_tool.ts";
import { tableLog } from "./table_tool.ts";

export const help = `
Usage: newaliases

Rebuilds the alias tables that alias_database names, as "sendmail -bi" does.
`;

/** `newaliases`. Exit code 0, or 1 when a table could not be made. */
export async function run(): Promise<number> {
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
