import { leadingStatus, splitStatus } from "../../core/status/mod.ts";
import type { DsnDetail } from "../delivery/types.ts";
import { exitMeaning } from "./exit_codes.ts";

/** How a command ended. */
export interface CommandEnd {
  readonly how: "exited" | "signaled" | "timed out" | "not run";
  /** Exit status or number of the signal. */
  readonly number: number;
  /** What it said, made fit for one line. */
  readonly output: string;
  /** The message could not be written to it, for another reason than that it stopped reading. */
  readonly writeError?: string;
}

export interface CommandOutcome {
  readonly kind: "sent" | "bounced" | "deferred";
  /** For a success, `reason` is what the command said. */
  readonly detail: DsnDetail;
}

/** The fate of a message that was piped into `command`. */
export function outcomeOf(end: CommandEnd, command: string): CommandOutcome {
  const said = end.output === "" ? "" : `. Command output: ${end.output}`;
  const quoted = `"${command}"${said}`;
  const diagnostic = (standard: string) => ({
    type: "x-unix",
    text: end.output === "" ? standard : end.output,
  });
  const software = diagnostic("internal software error");
  switch (end.how) {
    case "timed out":
      return {
        kind: "bounced",
        detail: { status: "5.3.0", reason: `Command time limit exceeded: ${quoted}`, diagnostic: software },
      };
    case "signaled":
      return {
        kind: "deferred",
        detail: {
          status: "4.3.0",
          reason: `Command died with signal ${end.number}: ${quoted}`,
          diagnostic: software,
        },
      };
    case "not run":
      return {
        kind: "deferred",
        detail: {
          status: "4.3.0",
          reason: `temporary failure${said}`,
          diagnostic: diagnostic("temporary failure"),
        },
      };
  }
  if (end.number === 0) {
    if (end.writeError === undefined) {
      return { kind: "sent", detail: { status: "2.0.0", reason: end.output } };
    }
    return {
      kind: "bounced",
      detail: { status: "5.3.0", reason: `Command failed: ${end.writeError}: "${command}"` },
    };
  }
  // A status code in front of what the command says takes precedence over its exit status.
  const code = leadingStatus(end.output);
  if (code !== undefined) {
    const { status, text } = splitStatus(end.output, code);
    return {
      kind: status.startsWith("4") ? "deferred" : "bounced",
      detail: { status, reason: text, diagnostic: { type: "x-unix", text } },
    };
  }
  const meaning = exitMeaning(end.number);
  if (meaning !== undefined) {
    return {
      kind: meaning.status.startsWith("4") ? "deferred" : "bounced",
      detail: {
        status: meaning.status,
        reason: meaning.text + said,
        diagnostic: diagnostic(meaning.text),
      },
    };
  }
  return {
    kind: "bounced",
    detail: {
      status: "5.3.0",
      reason: `Command died with status ${end.number}: ${quoted}`,
      diagnostic: diagnostic(`unknown mail system error ${end.number}`),
    },
  };
}
