import { type Command, commands } from "./registry.ts";

/** Version of Postel itself; the Postfix level that it follows is `mail_version`. */
export const VERSION = "0.1.0";

/** Exit code of a usage error (sysexits.h EX_USAGE). */
const EX_USAGE = 64;

const GROUPS: readonly Command["group"][] = [
  "Mail system",
  "Mail",
  "Queue",
  "Tables",
  "Configuration",
  "SASL",
  "Tools",
];

/** `postel`, `postel help [COMMAND]`, `postel --version`. */
export async function run(args: string[], program: string): Promise<number> {
  if (args[0] === "--version") {
    console.log(`${program} ${VERSION} (Postfix 3.11 compatible)`);
    return 0;
  }
  const topic = args[0] === "help" ? args[1] : undefined;
  if (topic === undefined) {
    console.log(overview(program));
    return 0;
  }
  const command = commands.find(({ name }) => name === topic);
  if (command === undefined) return await unknownCommand(topic);
  console.log(`${program} ${command.name} - ${command.summary}\n`);
  const { help } = await command.load();
  if (help !== undefined) console.log(help.trim());
  return 0;
}

/** All commands, grouped, one line each. */
function overview(program: string): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const lines = [
    `${program} ${VERSION}: a Postfix-compatible mail system in one program`,
    "",
    `Usage: ${program} COMMAND [ARGUMENT ...]`,
    "       COMMAND [ARGUMENT ...]     through a symbolic link of that name",
  ];
  for (const group of GROUPS) {
    const members = commands.filter((command) => command.group === group);
    if (members.length === 0) continue;
    lines.push("", group);
    for (const { name, summary } of members) lines.push(`  ${name.padEnd(width)}${summary}`);
  }
  lines.push("", `"${program} help COMMAND" tells more about a command.`);
  return lines.join("\n");
}

/** Says that there is no such command, and which one was probably meant. Resolves to the usage exit code. */
export function unknownCommand(name: string): Promise<number> {
  const near = commands
    .map((command) => ({ name: command.name, distance: editDistance(name, command.name) }))
    .filter(({ name: other, distance }) => distance <= Math.max(1, Math.floor(other.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  const hint = near === undefined ? `"postel help" lists the commands.` : `Did you mean "${near.name}"?`;
  console.error(`postel: unknown command "${name}". ${hint}`);
  return Promise.resolve(EX_USAGE);
}

/** How many single-character changes make one word the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}
