import assert from "node:assert/strict";
import { completionScript } from "./completion.ts";

function has(shell: string): boolean {
  try {
    return new Deno.Command(shell, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Runs a shell's own words with the completion script as its first argument; what was printed, as lines. */
function complete(shell: string, options: readonly string[], words: string): string[] {
  const directory = Deno.makeTempDirSync();
  try {
    const script = `${directory}/postel`;
    Deno.writeTextFileSync(script, completionScript(shell) ?? "");
    const { code, stdout, stderr } = new Deno.Command(shell, {
      args: [...options, "-c", words.replaceAll("SCRIPT", script)],
      cwd: directory,
      env: {
        HOME: directory,
        XDG_CONFIG_HOME: directory,
        XDG_DATA_HOME: directory,
        XDG_CACHE_HOME: directory,
      },
    }).outputSync();
    const decoder = new TextDecoder();
    assert.equal(decoder.decode(stderr), "");
    assert.equal(code, 0);
    return decoder.decode(stdout).split("\n").filter((line) => line !== "");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test({
  name: "bash completes commands, then files",
  ignore: !has("bash"),
  fn: () => {
    const ask = (...words: string[]) =>
      complete(
        "bash",
        ["--norc", "--noprofile"],
        `source SCRIPT; COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _postel; ` +
          `printf '%s\\n' "\${COMPREPLY[@]}"; complete -p postel >/dev/null`,
      );
    assert.deepEqual(ask("postel", "postq"), ["postqueue"]);
    assert.deepEqual(ask("postel", "help", "postco"), ["postconf"]);
    assert.deepEqual(ask("postel", "--v"), ["--version"]);
    assert.deepEqual(ask("postel", "postcat", "po"), ["postel"]);
  },
});

Deno.test({
  name: "zsh completes commands, then files",
  ignore: !has("zsh"),
  fn: () => {
    const ask = (...words: string[]) =>
      complete(
        "zsh",
        ["-f"],
        `_describe() { print -l -- $commands }; _files() { print FILES }; ` +
          `words=(${words.join(" ")}); CURRENT=${words.length}; once() { source SCRIPT }; once`,
      );
    const first = ask("postel", "post");
    assert.ok(first.some((line) => line.startsWith("postqueue:")), first.join());
    assert.ok(first.some((line) => line.startsWith("--version:")));
    const topics = ask("postel", "help", "x");
    assert.ok(topics.some((line) => line.startsWith("postconf:")));
    assert.ok(!topics.some((line) => line.startsWith("help:")));
    assert.deepEqual(ask("postel", "postcat", "x"), ["FILES"]);
  },
});

Deno.test({
  name: "fish completes commands, then topics",
  ignore: !has("fish"),
  fn: () => {
    const ask = (line: string) =>
      complete("fish", ["--no-config"], `source SCRIPT; complete -C '${line}'`).map((text) =>
        text.split("\t")[0]
      );
    assert.deepEqual(ask("postel postq"), ["postqueue"]);
    assert.deepEqual(ask("postel --v"), ["--version"]);
    assert.deepEqual(ask("postel help postco"), ["postconf"]);
  },
});
