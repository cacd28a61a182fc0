import { hostname } from "node:os";
import { Logger, streamSink, syslogSink } from "../core/log/mod.ts";
import { type Mechanism, rimapMechanism, sasldbMechanism, startSaslauthd } from "../daemon/saslauthd/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

const MECHANISMS = "sasldb rimap";

export const help = "Says over a socket whether passwords are right. Stays in the foreground (as with -d).";

/** saslauthd(8). */
export async function run(args: string[], name: string): Promise<number> {
  const values = new Map<string, string>();
  try {
    for (const { letter, value } of getopt(args, "a:cdF:hO:lm:n:rs:t:vV").options) values.set(letter, value);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}`);
    values.set("h", "");
  }
  if (values.has("v")) {
    console.error(`${name}: authentication mechanisms: ${MECHANISMS}`);
    return 0;
  }
  const mechanism = mechanismOf(values.get("a"), values.get("O") ?? "");
  if (values.has("h") || mechanism === undefined) {
    if (values.has("a")) console.error(`${name}: mechanism "${values.get("a")}": use one of ${MECHANISMS}`);
    console.error(
      `usage: ${name} [options]\n\noption information:\n` +
        "  -a <authmech>  selects the authentication mechanism to use: " + MECHANISMS + "\n" +
        "  -c             remember good answers\n" +
        "  -d             log to standard error\n" +
        "  -O <option>    for rimap: the server, host or host/port; for sasldb: the file\n" +
        "  -m <path>      directory of the socket\n" +
        "  -r             join login and realm with @\n" +
        "  -t <seconds>   how long good answers are remembered (28800)\n" +
        "  -n, -s, -l     accepted; there is one process here, without a table of fixed size\n",
    );
    return 1;
  }
  const directory = values.get("m") ?? "/var/run/saslauthd";
  const sink = values.has("d") ? streamSink(2, "classic", hostname()) : syslogSink("auth");
  const log = new Logger(sink, "saslauthd");
  try {
    const server = await startSaslauthd({
      directory,
      mechanism,
      joinRealm: values.has("r"),
      cacheSeconds: values.has("c") ? Number(values.get("t") ?? "28800") || 28800 : undefined,
      log,
    });
    log.info(`server_init     : listening on socket: ${directory}/mux`);
    await new Promise<void>((stop) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => stop());
    });
    await server.close();
    return 0;
  } catch (error) {
    console.error(`${name}: ${directory}/mux: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function mechanismOf(name: string | undefined, option: string): Mechanism | undefined {
  if (name === "sasldb") return sasldbMechanism(hostname(), option || undefined);
  if (name === "rimap" && option !== "") return rimapMechanism(option);
  return undefined;
}
