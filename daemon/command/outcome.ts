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

/** What becomes of the message. */
export interface CommandOutcome {
  readonly kind: "sent" | "bounced" | "deferred";
  /** For a success, `reason` is what the command said. */
  readonly detail: DsnDetail;
}

/** The fate of a message that was piped into `command`. */
export function outcomeOf(end: CommandEnd, command: string): CommandOutcome {
  const said = end.output === "" ? "" : `. Command output: ${end.output}`;
  const quoted = `"${command}"${said}`;
  switch (end.how) {
    case "timed out":
      return failure(end, "5.3.0", `Command time limit exceeded: ${quoted}`, SOFTWARE);
    case "signaled":
      return failure(end, "4.3.0", `Command died with signal ${end.number}: ${quoted}`, SOFTWARE);
    case "not run":
      return failure(end, "4.3.0", `temporary failure${said}`, "temporary failure");
  }
  if (end.number === 0) {
    if (end.writeError === undefined) {
      return { kind: "sent", detail: { status: "2.0.0", reason: end.output } };
    }
    const reason = `Command failed: ${end.writeError}: "${command}"`;
    return { kind: "bounced", detail: { status: "5.3.0", reason } };
  }
  // A status code in front of what the command says takes precedence over its exit status.
  const code = leadingStatus(end.output);
  if (code !== undefined) {
    const { status, text } = splitStatus(end.output, code);
    return { kind: kindOf(status), detail: { status, reason: text, diagnostic: { type: "x-unix", text } } };
  }
  const meaning = exitMeaning(end.number);
  return meaning === undefined
    ? failure(
      end,
      "5.3.0",
      `Command died with status ${end.number}: ${quoted}`,
      `unknown mail system error ${end.number}`,
    )
    : failure(end, meaning.status, meaning.text + said, meaning.text);
}

const SOFTWARE = "internal software error";

/** @param standard what a notice says of a command that said nothing */
function failure(end: CommandEnd, status: string, reason: string, standard: string): CommandOutcome {
  const diagnostic = { type: "x-unix", text: end.output || standard };
  return { kind: kindOf(status), detail: { status, reason, diagnostic } };
}

function kindOf(status: string): "deferred" | "bounced" {
  return status.startsWith("4") ? "deferred" : "bounced";
}
