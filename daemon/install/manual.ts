/** Manual pages, made from the texts that the commands print as their help. */
import type { CommandText } from "./types.ts";

/** Text as it stands, for roff: nothing in it is taken for a request or an escape. */
function literal(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/gm, "\\&$1");
}

/** A manual page of section 1, under a name that need not be the command's. */
export function manualPage(name: string, { summary, help }: CommandText, version: string): string {
  return `.TH ${literal(name.toUpperCase())} 1 "" "Postel ${literal(version)}" "Postel manual"
.SH NAME
${literal(name)} \\- ${literal(summary)}
.SH DESCRIPTION
.nf
${literal(help.trim())}
.fi
.SH "SEE ALSO"
.BR postel (1)
`;
}

/** The page of the program itself: all its commands. */
export function overviewPage(commands: readonly CommandText[], version: string): string {
  const items = commands.map(({ name, summary }) => `.TP\n.B ${literal(name)}\n${literal(summary)}`);
  return `.TH POSTEL 1 "" "Postel ${literal(version)}" "Postel manual"
.SH NAME
postel \\- a Postfix\\-compatible mail system in one program
.SH SYNOPSIS
.B postel
.I command
.RI [ argument " ...]"
.SH DESCRIPTION
Through a symbolic link with a command's name the program is that command.
${items.join("\n")}
`;
}
