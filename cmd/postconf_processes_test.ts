import assert from "node:assert/strict";

const MAIN = new URL("../main.ts", import.meta.url);

async function postconf(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", path(MAIN), "postconf", ...args] });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function path(url: URL): string {
  return decodeURIComponent(url.pathname);
}

Deno.test("postconf -e from 20 processes at once loses no edit", async () => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/main.cf`, "myhostname = a.b\n");
  Deno.writeTextFileSync(`${directory}/master.cf`, "");
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) => postconf("-c", directory, "-e", `parameter_${index}=${index}`)),
  );
  for (const result of results) assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
  const lines = Deno.readTextFileSync(`${directory}/main.cf`).trimEnd().split("\n").sort();
  const expected = Array.from({ length: 20 }, (_, index) => `parameter_${index} = ${index}`);
  assert.deepEqual(lines, ["myhostname = a.b", ...expected].sort());
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), ["main.cf", "master.cf"]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("postconf as a program: output, messages, exit codes", async () => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/main.cf`, "relayhost = $mydomain\nrelayhsot = x\n");
  Deno.writeTextFileSync(`${directory}/master.cf`, "");
  assert.deepEqual(await postconf("-c", directory, "-n", "relayhost"), {
    code: 0,
    stdout: "relayhost = $mydomain\n",
    stderr: `postconf: warning: ${directory}/main.cf: unused parameter: relayhsot=x\n`,
  });
  assert.deepEqual(await postconf("-c", directory, "-qj", "relayhost"), {
    code: 0,
    stdout: '{"relayhost": "$mydomain"}\n',
    stderr: "",
  });
  assert.deepEqual(await postconf("-c", `${directory}/none`, "relayhost"), {
    code: 1,
    stdout: "",
    stderr: `postconf: fatal: open ${directory}/none/main.cf: No such file or directory\n`,
  });
  Deno.removeSync(directory, { recursive: true });
});
