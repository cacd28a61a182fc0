import { clientMechanisms, type SecurityOption, serverMechanisms } from "../core/sasl/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

export const help = `
Usage: pluginviewer [-acs] [-m mechanism] [-x store]

Lists the SASL mechanisms and password stores that are built in.

  -s  of the server    -c  of the client    -a  password stores    -m name  these mechanisms only
  -x name  these password stores only
  -b -e -f -i -p VALUE  accepted
`;

interface Listed {
  readonly name: string;
  readonly properties: readonly SecurityOption[];
}

const STORES = [{ name: "sasldb", writable: true }, { name: "sql", writable: false }] as const;

/** Which plug-in of Cyrus SASL a mechanism belongs to. */
function pluginOf(mechanism: string): string {
  return mechanism.startsWith("SCRAM-") ? "scram" : mechanism.toLowerCase().replace("-", "");
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

/** pluginviewer(8): there are no plug-ins to load here, so that it lists what is built in. */
export function run(args: string[], name: string): Promise<number> {
  const given = new Map<string, string>();
  try {
    for (const { letter, value } of getopt(args, "acsm:b:e:f:i:p:x:h").options) given.set(letter, value);
    if (given.has("h")) throw new UsageError("");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(
      `${name}: ${
        error.message === "" ? "" : `${error.message}\n`
      }Usage: ${name} [-a] [-s] [-c] [-m MECHS] [-x STORES]`,
    );
    return Promise.resolve(1);
  }
  const all = !given.has("a") && !given.has("s") && !given.has("c");
  if (all || given.has("a")) showStores(words(given.get("x") ?? ""));
  const wanted = words((given.get("m") ?? "").toUpperCase());
  if (all || given.has("s")) showMechanisms("server", serverMechanisms, wanted);
  if (all || given.has("c")) showMechanisms("client", clientMechanisms, wanted);
  return Promise.resolve(0);
}

function showStores(wanted: readonly string[]): void {
  console.log(
    `Installed and properly configured auxprop mechanisms are:\n${STORES.map((each) => each.name).join(" ")}`,
  );
  console.log("List of auxprop plugins follows");
  for (const { name, writable } of STORES) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`Plugin "${name}" , \tAPI version: 8\n\tsupports store: ${writable ? "yes" : "no"}\n`);
  }
}

function showMechanisms(
  side: "server" | "client",
  known: readonly Listed[],
  wanted: readonly string[],
): void {
  const matching = known.filter((each) => wanted.length === 0 || wanted.includes(each.name));
  const names = (list: readonly Listed[]) => `  ${list.map((each) => each.name).join(" ")}`;
  console.log(`Installed and properly configured SASL (${side} side) mechanisms are:\n${names(known)}`);
  console.log(
    `Available SASL (${side} side) mechanisms matching your criteria are:\n${names(matching)}`,
  );
  console.log(`List of ${side} plugins follows`);
  for (const { name, properties } of matching) {
    const flags = properties.map((property) => property.replace(/^no/, "NO_").toUpperCase()).join("|");
    console.log(
      `Plugin "${pluginOf(name)}" [loaded], \tAPI version: 4\n\tSASL mechanism: ${name}, best SSF: 0\n` +
        `\tsecurity flags: ${flags}`,
    );
  }
}
