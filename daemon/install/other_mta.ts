/** Says which other mail system is on the machine: its programs, its processes, whoever listens on port 25. */

/** Programs that belong to one mail system only. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ["/usr/lib/postfix/sbin/master", "Postfix"],
  ["/usr/libexec/postfix/master", "Postfix"],
  ["/usr/lib/postfix/bin/master", "Postfix"],
  ["/usr/sbin/exim4", "Exim"],
  ["/usr/sbin/exim", "Exim"],
  ["/usr/lib/sm.bin/sendmail", "Sendmail"],
  ["/usr/sbin/sendmail.sendmail", "Sendmail"],
  ["/usr/lib/x86_64-linux-gnu/opensmtpd", "OpenSMTPD"],
  ["/usr/libexec/opensmtpd", "OpenSMTPD"],
  ["/usr/sbin/nullmailer-send", "nullmailer"],
  ["/usr/sbin/ssmtp", "sSMTP"],
  ["/usr/sbin/dma", "DragonFly mail agent"],
  ["/var/qmail/bin/qmail-send", "qmail"],
];

/** Process names of mail systems. */
const PROCESSES = new Set([
  "exim",
  "exim4",
  "sendmail",
  "smtpd",
  "qmail-send",
  "nullmailer-send",
  "courierd",
]);

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function programOf(pid: string): string {
  try {
    return Deno.readLinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

/** The running mail systems, each with the ids of its processes. */
function runningSystems(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const pid of processIds()) {
    const name = read(`/proc/${pid}/comm`).trim();
    const partOfPostfix = programOf(pid).includes("/postfix/");
    const system = partOfPostfix && name === "master" ? "Postfix" : PROCESSES.has(name) ? name : undefined;
    // Postfix's smtpd is named like OpenSMTPD's.
    if (system === undefined || (partOfPostfix && name !== "master")) continue;
    found.set(system, [...found.get(system) ?? [], pid]);
  }
  return found;
}

function processIds(): string[] {
  try {
    return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Does any process listen on this TCP port? Reads the kernel's tables; nothing is connected to. */
function someoneListensOn(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const LISTEN = "0A";
  return ["/proc/net/tcp", "/proc/net/tcp6"].some((table) =>
    read(table).split("\n").slice(1).some((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      return local.endsWith(wanted) && state === LISTEN;
    })
  );
}

/** One sentence for each sign of another mail system. */
export function otherMailSystems(): string[] {
  const installed = new Set(PROGRAMS.filter(([path]) => exists(path)).map(([, name]) => name));
  return [
    ...[...installed].map((name) => `${name} is installed on this machine`),
    ...(installed.has("Postfix")
      ? ["mailq and postqueue of a Postfix before 3.11 want postel_wire_level = 3.7 in main.cf"]
      : []),
    ...[...runningSystems()].map(([name, pids]) =>
      `${name} is running (process ${pids.join(", ")}): stop it before this mail system starts`
    ),
    ...(someoneListensOn(25) ? ["a program listens on port 25 already"] : []),
  ];
}
