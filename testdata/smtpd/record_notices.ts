/**
 * Records what a real Postfix tells the postmaster about the sessions of notice_cases.ts:
 *
 *     deno run -A testdata/smtpd/record_notices.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance with a port for each group and class from FIRST_PORT on; the filter in front
 * of the queue listens on the port before. The group "space" wants a directory with little room (less than 3 GB). Writes
 * notices.json beside this file: per group and dialogue the classes that ask for a notice, and the notices.
 */
import { startFakeServer } from "../../daemon/smtp/testing.ts";
import { startAuthServer } from "../sasl/auth_server.ts";
import { pause, play, PostfixInstance, services, smtpServer } from "../recording.ts";
import { base } from "./cases.ts";
import { CLASSES, noticeGroups, steadyNotice } from "./notice_cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");

const names = Object.keys(noticeGroups).filter((name) => only === undefined || only.includes(name));
const classes = [...CLASSES, CLASSES.join(", ")];
const instance = new PostfixInstance(directory);
await instance.prepare();
const authentication = startAuthServer();
const settingsOf = (name: string) =>
  Object.fromEntries(Object.entries(noticeGroups[name]!.settings).map(([key, value]) => [key, value.replace("@AUTH@", `${authentication.port}`).replace("@FILTER@", `${firstPort - 1}`)]));
const servers = names.map((name, group) =>
  classes.map((notify, at) =>
    smtpServer(firstPort + group * classes.length + at, { ...settingsOf(name), notify_classes: notify }, { syslogName: name })
  ).join("")
);
await instance.start({
  ...base,
  default_process_limit: "200",
  in_flow_delay: "0",
  internal_mail_filter_classes: "notify",
  // Notices are held, so that they can be looked at.
  header_checks: "regexp:{{/^Subject: .*: errors from/ HOLD} {/^X-Bad:/ REJECT bad header}}",
}, services("discard") + servers.join(""));

async function held(): Promise<string[]> {
  const all: string[] = [];
  const hold = `${directory}/spool/hold`;
  for (const entry of Deno.readDirSync(hold)) {
    const text = await instance.run("postcat", "-e", "-h", "-b", `${hold}/${entry.name}`);
    const lines = text.split("\n").filter((line) => !line.startsWith("***") && !/^(message_size|message_arrival_time|create_time|log_|named_attr|original_rec|rewrite|warning_|sender_|recipient_|pointer|trace)/.test(line));
    all.push(lines.map(steadyNotice).join("\n"));
    await Deno.remove(`${hold}/${entry.name}`);
  }
  return all.sort();
}

const path = new URL("notices.json", import.meta.url);
const recorded: Record<string, Record<string, { classes: string[]; notices: string[] }>> = only === undefined
  ? {}
  : JSON.parse(await Deno.readTextFile(path));
for (const [index, name] of names.entries()) {
  const { filter } = noticeGroups[name]!;
  const server = filter === undefined || filter === "down" ? undefined : startFakeServer({ ...filter, port: firstPort - 1 });
  const group: typeof recorded[string] = recorded[name] = {};
  for (const [title, pieces] of Object.entries(noticeGroups[name]!.dialogues)) {
    const asking: string[] = [];
    let notices: string[] = [];
    for (const [at, notify] of classes.entries()) {
      await instance.newLog(name, /$^/, 0);
      await play(firstPort + index * classes.length + at, pieces);
      await instance.newLog(name, /disconnect from/);
      await pause(120);
      notices = await held();
      if (notices.length > 0 && at < CLASSES.length) asking.push(notify);
    }
    group[title] = { classes: asking, notices };
    console.error(name, title, asking.join(" "), notices.length);
  }
  await server?.close();
}
await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
await instance.stop();
await authentication.close();
