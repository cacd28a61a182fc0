/** `postfix upgrade-configuration`: brings the master.cf of an older release up to date (postfix(1)). */
import { type Config, ConfigError, masterEntriesFromText, type MasterEntry } from "../../core/config/mod.ts";
import { editMasterText, type MasterEdit, rewriteFile } from "../../core/config/edit/mod.ts";
import { parseMasterRow } from "../../core/config/show/mod.ts";
import { INTERNAL_SERVICES, prepareDirectories } from "../master/mod.ts";
import type { AdminDeps } from "./actions.ts";

/** Services that a complete master.cf has, as their entries are written in it, with single blanks. */
export const completeServices: readonly string[] = [
  ...INTERNAL_SERVICES.trimEnd().split("\n").map((line) => line.replace(/ +/g, " ")),
  "tlsmgr unix - - n 1000? 1 tlsmgr",
  "proxywrite unix - - n - 1 proxymap",
];

/** Services that take the place of others: they are added as comments, for whoever wants to switch them on. */
const OPTIONAL_SERVICES: readonly { readonly line: string; readonly there: RegExp; readonly name: string }[] =
  [
    {
      line: "#smtp      inet  n       -       n       -       1       postscreen",
      there: /^#*smtp.*postscreen/m,
      name: "postscreen TCP",
    },
    {
      line: "#smtpd     pass  -       -       n       -       -       smtpd",
      there: /^#*smtpd.*smtpd/m,
      name: "smtpd unix-domain",
    },
    {
      line: "#dnsblog   unix  -       -       n       -       0       dnsblog",
      there: /^#*dnsblog.*dnsblog/m,
      name: "dnsblog unix-domain",
    },
    {
      line: "#tlsproxy  unix  -       -       n       -       0       tlsproxy",
      there: /^#*tlsproxy.*tlsproxy/m,
      name: "tlsproxy unix-domain",
    },
  ];

/** A change to master.cf and what is said of it. */
interface Step {
  readonly edit: MasterEdit;
  readonly said: string;
}

/** The services that master.cf lacks. A service in a comment counts as missing, as it has no effect. */
function missingServices(entries: readonly MasterEntry[]): Step[] {
  const present = new Set(entries.map(({ name, type }) => `${name}/${type}`));
  return completeServices.flatMap((line) => {
    const [service = "", type = ""] = line.split(" ");
    // pickup and qmgr were FIFOs in old files.
    if (present.has(`${service}/${type}`) || present.has(`${service}/fifo`)) return [];
    const row = parseMasterRow(line, () => {});
    if (row === undefined) throw new ConfigError(`bad entry: ${line}`);
    const kind = type === "unix-dgram" ? " unix-domain datagram" : "";
    return [{
      edit: { kind: "entry", service, type, request: line, row },
      said: `adding missing entry for ${service}${kind} service`,
    }];
  });
}

/** Columns that were other than they have to be in old releases. */
function wrongColumns(entries: readonly MasterEntry[]): Step[] {
  return entries.flatMap(({ name, type, command, ...entry }) => {
    const set = (field: "process_limit" | "private", value: string, said: string): Step[] => [{
      edit: {
        kind: "field",
        service: name,
        type,
        request: `${name}/${type}/${field}=${value}`,
        field,
        value,
      },
      said,
    }];
    if (name === "verify" && command === "verify" && entry.processLimit === 0) {
      return set("process_limit", "1", "setting verify process limit to 1");
    }
    if (name === "proxywrite" && command === "proxymap" && entry.processLimitIsDefault) {
      return set("process_limit", "1", "setting proxywrite process limit to 1");
    }
    if ((name === "cleanup" || name === "flush") && type === "unix" && entry.private) {
      return set("private", "n", `making the ${name} service public`);
    }
    return [];
  });
}

/** `postfix upgrade-configuration`: adds and mends what newer releases need in master.cf, and says what. */
export function upgradeConfiguration({ config, log }: AdminDeps, print: (line: string) => void): number {
  const path = `${config.directory}/master.cf`;
  try {
    rewriteFile(path, (text) => upgradeText(text, path, config, print));
    prepareDirectories(config);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    log.fatal(error.message);
    return 1;
  }
}

function upgradeText(text: string, path: string, config: Config, print: (line: string) => void): string {
  const entries = masterEntriesFromText(text, path, config);
  const steps = [...missingServices(entries), ...wrongColumns(entries)];
  const optional = OPTIONAL_SERVICES.filter(({ there }) => !there.test(text));
  for (const said of [...steps.map((step) => step.said), ...optional.map(addingEntry)]) {
    print(`Editing ${path}, ${said}`);
  }
  let upgraded = steps.length === 0 ? text : editMasterText(text, steps.map(({ edit }) => edit), path, print);
  if (optional.length > 0 && !upgraded.endsWith("\n")) upgraded += "\n";
  for (const { line } of optional) upgraded += `${line}\n`;
  return upgraded;
}

function addingEntry({ name }: { readonly name: string }): string {
  return `adding missing entry for ${name} service`;
}
