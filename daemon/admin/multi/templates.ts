import { completeServices } from "../upgrade.ts";

/** main.cf of a new instance where the system has no template (`$meta_directory/main.cf.proto`). */
export const MAIN_TEMPLATE =
  `# Parameters of this mail system. "postconf -n" shows what is set, "postconf -d" all defaults.
compatibility_level = 3.11
`;

/** master.cf of a new instance: an SMTP server and everything that it needs. */
export function masterTemplate(): string {
  const rows = ["smtp inet n - n - - smtpd", ...completeServices];
  return "# service type  private unpriv  chroot  wakeup  maxproc command + args\n" +
    rows.map((row) => {
      const [name = "", ...fields] = row.split(" ");
      return [name.padEnd(10), ...fields.map((field) => field.padEnd(7))].join(" ").trimEnd() + "\n";
    }).join("");
}
