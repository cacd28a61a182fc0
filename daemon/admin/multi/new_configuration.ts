/** The files and directories of a new instance. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { editMainText } from "../../../core/config/edit/mod.ts";
import type { Logger } from "../../../core/log/mod.ts";
import type { Instance } from "./instances.ts";
import { MAIN_TEMPLATE, masterTemplate } from "./templates.ts";

/** The parameters that tell instances apart. */
export const DIRECTORIES = ["config_directory", "queue_directory", "data_directory"] as const;
export type Directories = Record<(typeof DIRECTORIES)[number], string>;

/** Parameters of the program's place that a new instance shares with the primary one. */
const SHARED = [
  "command_directory",
  "daemon_directory",
  "meta_directory",
  "mail_owner",
  "setgid_group",
  "sendmail_path",
  "mailq_path",
  "newaliases_path",
  "html_directory",
  "manpage_directory",
  "sample_directory",
  "readme_directory",
  "shlib_directory",
];

/** Writes main.cf and master.cf of a new instance: beside, then renamed, master.cf last. */
export function makeConfiguration(primary: Instance, wanted: Directories, log: Logger): void {
  const etc = wanted.config_directory;
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  mkdirSync(wanted.queue_directory, { recursive: true, mode: 0o755 });
  mkdirSync(wanted.data_directory, { recursive: true, mode: 0o700 });
  const meta = primary.config.string("meta_directory");
  const template = (name: string, builtIn: string) => {
    const path = `${meta}/${name}.proto`;
    return existsSync(path) ? readFileSync(path, "latin1") : builtIn;
  };
  const isSet = (name: string) => primary.config.isSet(name) && primary.config.string(name) !== "";
  const path = `${etc}/main.cf`;
  const warn = (text: string) => log.warning(text);
  const commented = editMainText(
    template("main.cf", MAIN_TEMPLATE),
    { comment: new Set(SHARED.filter((name) => !isSet(name))) },
    path,
    warn,
  );
  const main = editMainText(
    commented,
    {
      set: new Map([
        ["queue_directory", wanted.queue_directory],
        ["data_directory", wanted.data_directory],
        // Nothing listens and nobody submits until the administrator says so.
        ["authorized_submit_users", ""],
        ["master_service_disable", "inet"],
        ...SHARED.filter(isSet).map((name) => [name, primary.config.raw(name)!] as const),
      ]),
    },
    path,
    warn,
  );
  install(path, main);
  install(`${etc}/master.cf`, template("master.cf", masterTemplate()));
}

function install(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, text, { encoding: "latin1", mode: 0o644, flush: true });
  chmodSync(temporary, 0o644);
  renameSync(temporary, path);
}
