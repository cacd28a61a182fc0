import assert from "node:assert/strict";
import { completionScript } from "./completion.ts";
import { runMain } from "./dispatch.ts";
import { commands, findCommand } from "./registry.ts";

for (const command of commands) {
  Deno.test(`the command ${command.name} loads and has a help text`, async () => {
    assert.equal(findCommand(command.name), command);
    const { run, help } = await command.load();
    assert.equal(typeof run, "function");
    assert.match(help ?? "", /\S/);
    // Completion scripts quote them.
    assert.doesNotMatch(`${command.name}${command.summary}`, /['"`$\\]/);
  });
}

Deno.test("starting one command reads none of the others", () => {
  const source = Deno.readTextFileSync(new URL("registry.ts", import.meta.url));
  assert.doesNotMatch(source, /import\(["'`]/, 'write lazily("NAME") in place of () => import("./NAME.ts")');
});

Deno.test("postel COMMAND --help tells what postel help COMMAND does", async () => {
  const said: string[] = [];
  const { log } = console;
  console.log = (text: string) => said.push(text);
  try {
    assert.equal(await runMain("postel", ["help", "postconf"]), 0);
    assert.equal(await runMain("postel", ["postconf", "--help"]), 0);
  } finally {
    console.log = log;
  }
  const half = said.length / 2;
  assert.match(said.join("\n"), /^postel postconf - .*\n\nUsage: postconf /);
  assert.deepEqual(said.slice(half), said.slice(0, half));
});

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`completion for ${shell} names every command`, () => {
    const script = completionScript(shell) ?? "";
    for (const { name } of commands) assert.ok(script.includes(name), name);
  });
}
