/**
 * Records the dialogues of cases.ts from a real Postfix with the Cyrus library:
 *
 *     deno run -A testdata/sasl/record.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance that listens on 127.0.0.1 from FIRST_PORT on, one port per group.
 * Needs root, Debian's postfix, sasl2-bin and libsasl2-modules-db. Writes dialogues.json beside this file.
 */
import { PostfixInstance, recordDialogues } from "../recording.ts";
import { applicationConfig, base, groups, users } from "./cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");

const instance = new PostfixInstance(directory);
await instance.prepare();
await Deno.mkdir(`${directory}/etc/sasl`);
await Deno.writeTextFile(`${directory}/etc/sasl/smtpd.conf`, applicationConfig.replaceAll("DIRECTORY", directory));
for (const [user, password] of users) {
  const child = new Deno.Command("saslpasswd2", { args: ["-c", "-p", "-f", `${directory}/sasldb2`, "-u", base.myhostname!, user], stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(password));
  await writer.close();
  await child.status;
}
await Deno.chmod(`${directory}/sasldb2`, 0o644);
await recordDialogues(instance, base, groups, firstPort, new URL("dialogues.json", import.meta.url), only);
