/** `auxprop_plugin: sql`: clear-text passwords in a MySQL, PostgreSQL or SQLite database. */
import { encodeText } from "../bytes/mod.ts";
import { type ConfiguredType, openConfigured, type Table, TableError, type TableLog } from "../table/mod.ts";
import type { ApplicationConfig } from "./application_config.ts";
import { type PasswordStore, SaslError } from "./types.ts";

const ENGINES: ReadonlyMap<string, ConfiguredType> = new Map([
  ["mysql", "mysql"],
  ["pgsql", "pgsql"],
  ["sqlite", "sqlite"],
  ["sqlite3", "sqlite"],
]);

const PROPERTY = "userPassword";
const SILENT: TableLog = { info() {}, warning() {} };

function engineOf(config: ApplicationConfig): ConfiguredType {
  const name = config.values.get("sql_engine") ?? "mysql";
  const engine = ENGINES.get(name.toLowerCase());
  if (engine !== undefined) return engine;
  throw new SaslError(`${config.file}: sql_engine "${name}" is not supported: use mysql, pgsql or sqlite`);
}

/** The table type whose program parts the settings need; undefined if they name no database. Throws `SaslError`. */
export function sqlTableType(config: ApplicationConfig): ConfiguredType | undefined {
  return /\bsql\b/.test(config.values.get("auxprop_plugin") ?? "") ? engineOf(config) : undefined;
}

/**
 * `sql_select` in the words of database tables. The key of a lookup is `user@realm`, so that `%u` and `%r` are its parts,
 * and each is made safe for the database where it is put in.
 */
function queryOf(config: ApplicationConfig): string {
  const select = config.values.get("sql_select") ?? config.values.get("sql_statement");
  if (select === undefined || select === "") {
    throw new SaslError(`${config.file}: auxprop_plugin sql needs sql_select`);
  }
  return select.replace(/%(.?)/gs, (_, letter: string) => {
    switch (letter) {
      case "u":
        return "%u";
      case "r":
        return "%d";
      case "p":
        return PROPERTY;
      case "v":
        return "";
      case "%":
        return "%%";
      default:
        throw new SaslError(`${config.file}: sql_select: unknown %${letter}: use %u, %r, %p`);
    }
  });
}

/** Does an `sql_usessl` mean yes? */
function isYes(value: string | undefined): boolean {
  return /^(?:1|on|yes|true|t|y)/i.test(value ?? "");
}

function tableSettings(config: ApplicationConfig, engine: ConfiguredType): Map<string, string> {
  const value = (name: string) => config.values.get(name) ?? "";
  const settings = new Map([["query", queryOf(config)], ["expansion_limit", "1"]]);
  const database = value("sql_database");
  if (database === "") throw new SaslError(`${config.file}: auxprop_plugin sql needs sql_database`);
  if (engine === "sqlite") {
    settings.set("dbpath", database);
    return settings;
  }
  const hosts = value("sql_hostnames").split(/[\s,]+/).filter((host) => host !== "");
  const secure = isYes(value("sql_usessl"));
  settings.set("user", value("sql_user"));
  settings.set("password", value("sql_passwd"));
  settings.set("dbname", database);
  if (engine === "mysql") {
    // What a user's option files say is not for a server.
    settings.set("option_group", "");
    if (secure) settings.set("require_tls", "yes");
    settings.set("hosts", hosts.join(" "));
  } else {
    const [user, password, name] = [value("sql_user"), value("sql_passwd"), database].map(encodeURIComponent);
    settings.set(
      "hosts",
      (secure
        ? (hosts.length === 0 ? ["localhost"] : hosts).map((host) =>
          `postgresql://${user}:${password}@${host}/${name}?sslmode=require`
        )
        : hosts).join(" "),
    );
  }
  return settings;
}

/** Opens the database for lookups; a connection is made with the first one. Throws `SaslError` for wrong settings. */
export function openSqlStore(
  config: ApplicationConfig,
  log: TableLog = SILENT,
): PasswordStore & { close(): void } {
  const engine = engineOf(config);
  const place = `${config.file}: sql`;
  let table: Table;
  try {
    table = openConfigured(engine, place, tableSettings(config, engine), log);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new SaslError(error.message, { cause: error });
  }
  return {
    async password(user, realm) {
      // A name with these can't be told apart from another one behind `user@realm`.
      if (user === "" || realm.includes("@") || /\0/.test(user + realm)) return undefined;
      try {
        const found = await table.lookup(`${user}@${realm}`);
        return found === undefined ? undefined : encodeText(found);
      } catch (error) {
        if (!(error instanceof TableError)) throw error;
        throw new SaslError(`${place}: ${error.message}`, { cause: error });
      }
    },
    close: () => table.close(),
  };
}
