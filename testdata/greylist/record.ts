/** Records what postgrey decides: `deno run -A testdata/greylist/record.ts` (with Debian's package postgrey). */
import { clientFile, recipientFile, settings, steadyAction } from "./cases.ts";
import { startPostgrey } from "./postgrey.ts";

const result: Record<string, unknown> = {};
for (const [name, { postgrey, attempts }] of Object.entries(settings)) {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/clients`, clientFile);
  Deno.writeTextFileSync(`${directory}/recipients`, recipientFile);
  const lists = postgrey.some((option) => option.includes("whitelist-clients=CL")) ? [] : ["--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null"];
  const options = [...lists, ...postgrey.map((option) => option.replace("CLIENTS", `${directory}/clients`).replace("RECIPIENTS", `${directory}/recipients`))];
  const server = await startPostgrey(directory, options);
  const decisions: string[] = [];
  for (const attempt of attempts) {
    const { action, log } = await server.ask(attempt);
    decisions.push([steadyAction(action), ...log].join("\n"));
  }
  result[name] = decisions;
  await server.close();
  Deno.removeSync(directory, { recursive: true });
}
Deno.writeTextFileSync(new URL("postgrey.json", import.meta.url), JSON.stringify(result, null, 1) + "\n");
