/**
 * Records what a real Postfix makes of the back ends of backend_cases.ts:
 *
 *     deno run -A testdata/sasl/record_backends.ts DIRECTORY FIRST_PORT [GROUP,GROUP...]
 *
 * DIRECTORY (made anew) gets a private instance with a port for each back end from FIRST_PORT on. Needs root, Debian's
 * postfix and libsasl2-modules. Writes backends.json beside this file: per back end and session the answers and the log.
 */
import { PostfixInstance, services, smtpServer } from "../recording.ts";
import { startAuthServer } from "./auth_server.ts";
import { backends, dialogue, playSession, settings, startSaslauthd } from "./backend_cases.ts";

const directory = Deno.args[0]!;
const firstPort = Number(Deno.args[1]);
const only = Deno.args[2]?.split(",");

const instance = new PostfixInstance(directory);
await instance.prepare();
await Deno.mkdir(`${directory}/etc/sasl`);
await Deno.writeTextFile(
  `${directory}/etc/sasl/smtpd.conf`,
  `pwcheck_method: saslauthd\nsaslauthd_path: ${directory}/mux\nmech_list: PLAIN\n`,
);
const names = Object.keys(backends).filter((name) => only === undefined || only.includes(name));
const doubles = names.map((name) => {
  const { greeting } = backends[name]!;
  return greeting === undefined ? undefined : startAuthServer(greeting);
});
const saslauthd = startSaslauthd(`${directory}/mux`);
await Deno.chmod(`${directory}/mux`, 0o666);
const servers = names.map((name, at) =>
  smtpServer(firstPort + at, name === "saslauthd" ? { cyrus_sasl_config_path: `${directory}/etc/sasl` } : {
    smtpd_sasl_type: "dovecot",
    smtpd_sasl_path: `inet:127.0.0.1:${doubles[at]?.port ?? 79}`,
  }, { syslogName: name })
);
await instance.start(settings, services("discard") + servers.join(""));

const path = new URL("backends.json", import.meta.url);
const recorded: Record<string, { answers: string[]; log: string[] }[]> = only === undefined ? {} : JSON.parse(await Deno.readTextFile(path));
for (const [at, name] of names.entries()) {
  const sessions: { answers: string[]; log: string[] }[] = recorded[name] = [];
  await instance.newLog(name, /$^/, 0);
  for (const user of backends[name]!.users) {
    const began = Date.now();
    const answers = await playSession(firstPort + at, dialogue(user));
    sessions.push({ answers, log: await instance.newLog(name, /disconnect from|fatal:/) });
    console.error(name, user, `${Date.now() - began} ms`);
  }
}
await Deno.writeTextFile(path, JSON.stringify(recorded, null, 1) + "\n");
await instance.stop();
for (const double of doubles) await double?.close();
await saslauthd.close();
