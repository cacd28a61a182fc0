import { type Config, ConfigError, readMasterFile, serviceConfig } from "../../../core/config/mod.ts";
import { splitList, TableError, TableSet, tableTypes } from "../../../core/table/mod.ts";
import { type Finding, warning } from "../finding.ts";
import { nearName } from "../near_name.ts";

/** File name endings of indexed tables by type. */
const SUFFIXES: Readonly<Record<string, string>> = { hash: ".db", btree: ".db", cdb: ".cdb", lmdb: ".lmdb" };
/** Types whose name is a file. */
const FILES = new Set(["texthash", "cidr", "regexp", "pcre", ...Object.keys(SUFFIXES)]);
const SPEC = /^(?:proxy:|debug:)*([a-z][a-z0-9_-]*):(\/.*)$/;
/** Parameters whose words are tables and nothing else, so that a name need not be a path. */
const TABLE_LISTS = /_(?:maps|checks|database)$/;
const ANY_SPEC = /^(?:proxy:|debug:)*([a-z][a-z0-9_-]*):(.+)$/;
/** Caches: the mail system makes and fills them itself. */
const CACHES = /^(?:address_verify_map|postscreen_cache_map|(?:smtpd?|lmtp)_tls_session_cache_database)$/;

interface Named {
  readonly type: string;
  readonly file: string;
  readonly parameter: string;
}

/** Every table that a parameter in force names by a file. */
function* namedTables(config: Config): Generator<Named> {
  const wordsOf = function* (from: Config, names: Iterable<string>): Generator<Named> {
    for (const parameter of names) {
      let value: string;
      try {
        value = from.string(parameter);
      } catch (error) {
        // A value that can't be read is a finding of its own.
        if (error instanceof ConfigError) continue;
        throw error;
      }
      for (const word of splitList(value)) {
        const match = SPEC.exec(word) ?? (TABLE_LISTS.test(parameter) ? ANY_SPEC.exec(word) : null);
        if (match !== null) yield { type: match[1]!, file: match[2]!, parameter };
      }
    }
  };
  yield* wordsOf(config, [...config.names(), "alias_maps", "alias_database"]);
  for (const entry of readMasterFile(config)) {
    yield* wordsOf(serviceConfig(config, entry), entry.overrides.map(([name]) => name));
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** A table of a type that there is not, with the type that was probably meant; the mail system can't start with it. */
function unknownType(config: Config, parameter: string, type: string, spec: string): Finding {
  try {
    new TableSet(config).list(spec, {}, parameter);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    const meant = nearName(type, tableTypes());
    return warning(meant === undefined ? error.message : `${error.message}: did you mean ${meant}:?`);
  }
  throw new Error(`${spec} was opened although its type is not listed`);
}

/** Tables that are missing, older than their source, of an unknown type, or with lines that can't be used. */
export function checkTables(config: Config): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const isSet = (parameter: string) => config.isSet(parameter);
  for (const { type, file, parameter } of namedTables(config)) {
    const spec = `${type}:${file}`;
    if (seen.has(spec)) continue;
    seen.add(spec);
    if (!tableTypes().includes(type)) {
      findings.push(unknownType(config, parameter, type, spec));
      continue;
    }
    if (CACHES.test(parameter)) continue;
    const suffix = SUFFIXES[type];
    const maker = parameter.startsWith("alias_") ? "postalias" : "postmap";
    if (suffix !== undefined) {
      const index = statOf(file + suffix);
      const source = statOf(file);
      if (index === undefined) {
        // A default names /etc/aliases whether or not the system has it.
        if (isSet(parameter) || source !== undefined) {
          findings.push(warning(`${parameter}: ${file}${suffix} is missing: run "${maker} ${spec}"`));
        }
      } else if ((source?.mtime?.getTime() ?? 0) > (index.mtime?.getTime() ?? 0)) {
        findings.push(
          warning(`database ${file}${suffix} is older than source file ${file}: run "${maker} ${spec}"`),
        );
      }
    } else if (FILES.has(type)) findings.push(...checkText(config, spec, parameter));
  }
  return findings;
}

/** Reads a table of rules or plain entries and hands on what it says about its lines. */
function checkText(config: Config, spec: string, parameter: string): Finding[] {
  const findings: Finding[] = [];
  const tables = new TableSet(config, {
    log: { info() {}, warning: (text) => void findings.push(warning(text)) },
  });
  try {
    // The first lookup reads the file.
    tables.open(spec).lookup("0.0.0.0");
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    findings.push(warning(`${parameter}: ${spec}: ${error.message}`));
  } finally {
    tables.close();
  }
  return findings;
}
