/**
 * Parameters of table types that are kept in main.cf under a prefix: `ldap:PREFIX` reads `PREFIX_timeout` and so on
 * (ldap_table(5), "obsolete main.cf parameters"), and the files that `ldap:/path` names.
 */
import { reasonOf } from "../../errors/mod.ts";
import { parseMain } from "../load.ts";
import { type ClientParameter, parameterTable } from "../parameter_table.ts";
import { decodeText } from "../../bytes/mod.ts";
import { ConfigError } from "../types.ts";
import { splitList, unbrace } from "../values.ts";
import type { Warn } from "./master_table.ts";

/** Types whose own text in braces is no list of tables. */
const OPAQUE_TYPES = new Set(["regexp", "pcre"]);

export interface ClientScan {
  /** Told of each name that a table in the value makes known. */
  readonly found: (name: string) => void;
  readonly warn: Warn;
  /** `main.cf` or `master.cf`, for messages. */
  readonly file: string;
}

/** Looks for tables in an expanded value. */
export function scanClients(value: string, scan: ClientScan): void {
  if (!value.includes(":") && !value.includes("{")) return;
  for (const item of splitList(value)) {
    if (item.startsWith("{")) {
      const inner = unbrace(item)!;
      if (inner.problem !== undefined) scan.warn(`${scan.file}: ${inner.problem}`);
      if (inner.text !== item) scanClients(inner.text, scan);
      continue;
    }
    scanTable(item, scan);
  }
}

function scanTable(item: string, scan: ClientScan): void {
  const match = /^!?"?(?:(?:proxy|debug):)*([^:{}]+):([^]*)$/.exec(item);
  if (match === null) return;
  const [, type, name] = match as unknown as [string, string, string];
  if (name.startsWith("{")) {
    if (!OPAQUE_TYPES.has(type)) scanClients(name, scan);
    return;
  }
  const parameters = parameterTable.clients.get(type);
  if (parameters === undefined || name === "") return;
  if (name.startsWith("/")) checkFile(type, name, parameters, scan.warn);
  else if (!name.startsWith(".")) {
    for (const parameter of parameters) scan.found(`${name}_${parameter.name}`);
  }
}

/** Warns of names in a client's file that the client doesn't know. */
function checkFile(type: string, path: string, parameters: readonly ClientParameter[], warn: Warn): void {
  let text: string;
  try {
    if (!Deno.statSync(path).isFile) {
      warn(`open "${type}" configuration "${path}": not a regular file`);
      return;
    }
    text = decodeText(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    warn(`open "${type}" configuration "${path}": ${reasonOf(error)}`);
    return;
  }
  const values = new Map<string, string>();
  for (const { name, value, line } of parseMain(text, path, warn)) {
    const earlier = values.get(name);
    if (earlier !== undefined) warn(`${path}, line ${line}: overriding earlier entry: ${name}=${earlier}`);
    values.set(name, value);
  }
  for (const name of [...values.keys()].sort()) {
    if (!parameters.some((parameter) => parameter.name === name)) {
      warn(`${type}:${path}: unused parameter: ${name}=${values.get(name)}`);
    }
  }
}
