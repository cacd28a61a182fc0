import assert from "node:assert/strict";
import { ConfigError } from "../types.ts";
import { editMain, editMainText, editMaster, editMasterText, rewriteFile } from "./mod.ts";

const MAIN = `# top
myhostname = a.b
# above
relayhost=x,
	y
# inside
  z
#relayhost = commented

mydomain =  q
mynetworks = 1`;

function edited(edits: Parameters<typeof editMainText>[1], text = MAIN): string {
  const warnings: string[] = [];
  const result = editMainText(text, edits, "main.cf", (warning) => warnings.push(warning));
  assert.deepEqual(warnings, []);
  return result;
}

Deno.test("editMainText: a new value keeps comments, order and layout", () => {
  assert.equal(
    edited({ set: new Map([["relayhost", "new"], ["biff", "no"]]) }),
    MAIN.replace("relayhost=x,\n\ty\n# inside\n  z\n", "relayhost = new\n# inside\n") + "\nbiff = no\n",
  );
});

Deno.test("editMainText: comment out and take out, across comments inside the value", () => {
  assert.equal(
    edited({ comment: new Set(["relayhost", "nosuch"]) }),
    MAIN.replace("relayhost=x,\n\ty\n# inside\n  z\n", "#relayhost=x,\n#\ty\n# inside\n#  z\n"),
  );
  assert.equal(
    edited({ remove: new Set(["relayhost"]) }),
    MAIN.replace("relayhost=x,\n\ty\n# inside\n  z\n", "# inside\n"),
  );
});

Deno.test("editMainText: repeated entries, CRLF, other octets", () => {
  const warnings: string[] = [];
  const text = editMainText(
    "a = 1\r\nb = \udcff\r\n\ta = 2\r\na = 3\r\n",
    { set: new Map([["a", "x"]]) },
    "m",
    (warning) => warnings.push(warning),
  );
  assert.equal(text, "a = x\nb = \udcff\r\n\ta = 2\r\na = x\n");
  assert.deepEqual(warnings, ['m: multiple entries for "a"']);
  assert.equal(edited({ set: new Map([["a", "1"]]) }, ""), "a = 1\n");
});

Deno.test("editMasterText: a new entry leaves no second one of its name", () => {
  const master = "a unix - - - - - x\n# 1\nb unix - - - - - x\n# 2\na unix - - - - - x\n";
  const row = (name: string) => ({ fields: [name, "unix", "-", "-", "-", "-", "-", "y"], args: [] });
  const change = (service: string, name: string) =>
    editMasterText(
      master,
      [{ kind: "entry", service, type: "unix", request: "", row: row(name) }],
      "master.cf",
      assert.fail,
    )
      .replaceAll(/ +(-|unix|y)/g, "");
  assert.equal(change("a", "a"), "a\n# 1\nb x\n# 2\n");
  assert.equal(change("b", "a"), "a\n# 1\n# 2\n");
  assert.equal(change("*", "c"), "c\n# 1\n# 2\n");
  assert.equal(change("nosuch", "b"), "a x\n# 1\nb\n# 2\na x\n");
});

Deno.test("editMasterText: a broken entry is in the way of its own fields only", () => {
  const master = "a unix - -\nb unix - - - - - x\n";
  const change = (edit: Parameters<typeof editMasterText>[1][number]) =>
    editMasterText(master, [edit], "master.cf", assert.fail);
  const a = { service: "a", type: "unix", request: "" };
  assert.equal(change({ ...a, kind: "remove" }), "b unix - - - - - x\n");
  assert.equal(change({ ...a, kind: "comment" }), "#a unix - -\nb unix - - - - - x\n");
  assert.equal(
    change({ ...a, service: "b", kind: "field", field: "command", value: "y" }),
    "a unix - -\nb          unix  -       -       -       -       -       y\n",
  );
  assert.throws(() => change({ ...a, kind: "field", field: "chroot", value: "n" }), {
    message: "file master.cf: line 1: bad field count",
  });
});

Deno.test("editMasterText: a changed entry stays in its place", () => {
  const master =
    "# top\nsmtp inet n - y - - smtpd\n  -v\n# inside\n  -o a=b\n# next\nrelay unix - - y - - smtp";
  const change = (...edits: Parameters<typeof editMasterText>[1]) =>
    editMasterText(master, edits, "master.cf", assert.fail);
  const smtp = { service: "smtp", type: "inet", request: "" };
  assert.equal(
    change({ ...smtp, kind: "field", field: "chroot", value: "n" }, {
      ...smtp,
      kind: "setting",
      name: "a",
      value: "c",
    }),
    "# top\nsmtp       inet  n       -       n       -       -       smtpd -v\n    -o a=c\n# inside\n# next\nrelay unix - - y - - smtp",
  );
  assert.equal(change({ ...smtp, kind: "remove" }), "# top\n# inside\n# next\nrelay unix - - y - - smtp");
  assert.equal(
    change({ service: "*", type: "unix", request: "", kind: "comment" }),
    master.replace("relay", "#relay"),
  );
});

function temporary(files: Record<string, string>): string {
  const directory = Deno.makeTempDirSync();
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${directory}/${name}`, text);
  return directory;
}

Deno.test("editMain: mode and owner stay, nothing is left behind", () => {
  const directory = temporary({ "main.cf": "a = 1\n" });
  const root = Deno.uid() === 0;
  Deno.chmodSync(`${directory}/main.cf`, 0o640);
  if (root) Deno.chownSync(`${directory}/main.cf`, 65534, 65534);
  editMain(directory, { set: new Map([["b", "2"]]) }, assert.fail);
  const status = Deno.statSync(`${directory}/main.cf`);
  assert.equal(status.mode! & 0o7777, 0o640);
  if (root) assert.deepEqual([status.uid, status.gid], [65534, 65534]);
  assert.equal(Deno.readTextFileSync(`${directory}/main.cf`), "a = 1\nb = 2\n");
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["main.cf"]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("edits that fail leave the file as it was", () => {
  const directory = temporary({ "master.cf": "bad\n" });
  const edit = { service: "a", type: "inet", request: "", kind: "remove" } as const;
  assert.throws(() => editMaster(directory, [edit], assert.fail), ConfigError);
  assert.throws(() => editMain(directory, {}, assert.fail), (error: Error) => {
    assert.equal(error.message, `open ${directory}/main.cf for reading: No such file or directory`);
    return error instanceof ConfigError;
  });
  assert.throws(() => rewriteFile(`${directory}/no/where`, () => ""), ConfigError);
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["master.cf"]);
  assert.equal(Deno.readTextFileSync(`${directory}/master.cf`), "bad\n");
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a temporary file that a crash left behind does not matter", () => {
  const directory = temporary({
    "main.cf": "a = 1\n",
    "main.cf.tmp": "rubbish that is longer than the new file",
  });
  editMain(directory, { set: new Map([["a", "2"]]) }, assert.fail);
  assert.equal(Deno.readTextFileSync(`${directory}/main.cf`), "a = 2\n");
  Deno.removeSync(directory, { recursive: true });
});
