import { copyFileSync } from "node:fs";
import { configDirectory, ConfigError, readConfigFile } from "../core/config/mod.ts";
import { rewriteFile } from "../core/config/edit/mod.ts";

export const help = `
Usage: postfix-add-filter [-c config_dir] NAME PORT
       postfix-add-policy [-c config_dir] NAME USER PROGRAM

Adds services to master.cf: a client that feeds a content filter and the server that takes its mail back, or a policy
service that spawn(8) runs. The old file is kept as master.cf.SECONDS. Without arguments it shows what is added.
`;

const RULE = "# " + "=".repeat(68);

/** The entries for a content filter: `name` hands mail to it, mail comes back at `port` of this host. */
function filterEntries(name: string, port: string): string {
  const smtp = [
    "smtp_data_done_timeout=1200",
    "smtp_send_xforward_command=yes",
    "smtp_tls_note_starttls_offer=no",
  ];
  const smtpd = [
    "content_filter=",
    "smtpd_delay_reject=no",
    "smtpd_client_restrictions=permit_mynetworks,reject",
    "smtpd_helo_restrictions=",
    "smtpd_sender_restrictions=",
    "smtpd_recipient_restrictions=permit_mynetworks,reject",
    "smtpd_data_restrictions=reject_unauth_pipelining",
    "smtpd_end_of_data_restrictions=",
    "smtpd_restriction_classes=",
    "mynetworks=127.0.0.0/8",
    "smtpd_error_sleep_time=0",
    "smtpd_soft_error_limit=1001",
    "smtpd_hard_error_limit=1000",
    "smtpd_client_connection_count_limit=0",
    "smtpd_client_connection_rate_limit=0",
    "receive_override_options=no_header_body_checks,no_unknown_recipient_checks,no_milters",
    "local_header_rewrite_clients=",
    "smtpd_milters=",
    "local_recipient_maps=",
    "relay_recipient_maps=",
  ];
  const lines = (options: readonly string[]) => options.map((option) => `     -o ${option}\n`).join("");
  return `${RULE}\n# Added by postfix-add-filter\n${name} unix    -       -       n       -       2     smtp\n${
    lines(smtp)
  }` +
    `127.0.0.1:${port} inet n    -       n       -       -     smtpd\n${lines(smtpd)}`;
}

function policyEntries(name: string, user: string, program: string): string {
  return `${RULE}\n# Added by postfix-add-policy\n${name} unix    -       n       n       -       0     spawn\n` +
    `     user=${user} argv=${program}\n`;
}

/** `postfix-add-filter` and `postfix-add-policy`. */
export function run(args: string[], name: string): Promise<number> {
  return Promise.resolve(add(args, name));
}

function add(args: string[], command: string): number {
  const isFilter = command === "postfix-add-filter";
  const directory = args[0] === "-c" ? args[1] : undefined;
  const operands = directory === undefined ? args : args.slice(2);
  const [name = "", second = "", program = ""] = operands;
  if (operands.length !== (isFilter ? 2 : 3)) {
    console.log(
      isFilter
        ? `usage: ${command} NAME PORT\n\nadds to master.cf:\n${filterEntries("amavisfeed", "10025")}`
        : `usage: ${command} NAME USER PROGRAM\n\nadds to master.cf:\n${
          policyEntries("policyd", "nobody", "/usr/bin/policyd")
        }`,
    );
    return operands.length === 0 ? 0 : 1;
  }
  if (!/^[A-Za-z0-9_.-]+$/.test(name) || (isFilter && !/^\d{1,5}$/.test(second))) {
    console.error(`${command}: fatal: "${name} ${second}" is no service name${isFilter ? " and port" : ""}`);
    return 1;
  }
  if (!isFilter && (/\s/.test(second) || /[\r\n]/.test(program) || !program.startsWith("/"))) {
    console.error(`${command}: fatal: "${second} ${program}" is no user name and absolute path of a program`);
    return 1;
  }
  try {
    const path = `${configDirectory(directory)}/master.cf`;
    const uses = (word: string, text: string) =>
      text.split("\n").some((line) =>
        !line.startsWith("#") && new RegExp(`(^|[\\s:])${word}([\\s:]|$)`).test(line)
      );
    const before = readConfigFile(path);
    if (uses(name.replaceAll(".", "\\."), before) || (isFilter && uses(second, before))) {
      const what = isFilter ? `service name, ${name}, or smtpd port, ${second}` : `policy name, ${name}`;
      console.log(`Selected ${what}, already in master.cf.  Master.cf not updated.`);
      return 1;
    }
    copyFileSync(path, `${path}.${Math.floor(Date.now() / 1000)}`);
    const added = isFilter ? filterEntries(name, second) : policyEntries(name, second, program);
    rewriteFile(path, (text) => text + (text.endsWith("\n") || text === "" ? "" : "\n") + added);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(
      `${command}: fatal: ${error instanceof ConfigError ? error.message : `master.cf: ${error.message}`}`,
    );
    return 1;
  }
}
