import assert from "node:assert/strict";
import { ConfigSession } from "./mod.ts";

Deno.test("config_directory is among the settings if something named it, and main.cf may set it otherwise", () => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/main.cf`, "biff = no\n");
  Deno.writeTextFileSync(`${directory}/master.cf`, "");
  const shown = (namedBy: string | undefined) => {
    const origins: string[] = [];
    const session = new ConfigSession(directory, namedBy, "main", [], assert.fail);
    session.showMain([], { onlySet: true, trace: (text) => origins.push(text) });
    return { output: session.output(), origins };
  };
  const biff = `biff: ${directory}/main.cf, line 1`;
  assert.deepEqual(shown(undefined), { output: "biff = no\n", origins: [biff] });
  assert.deepEqual(shown("MAIL_CONFIG"), {
    output: `biff = no\nconfig_directory = ${directory}\n`,
    origins: [biff, "config_directory: MAIL_CONFIG"],
  });
  Deno.writeTextFileSync(`${directory}/main.cf`, "config_directory = /elsewhere\n");
  assert.equal(shown("-c").output, "config_directory = /elsewhere\n");
  Deno.removeSync(directory, { recursive: true });
});
