import type { Cause, Destination, Explanation, Step } from "./types.ts";

const LONGEST_VALUE = 100;

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > LONGEST_VALUE ? `${line.slice(0, LONGEST_VALUE)}...` : line;
}

function causeText(cause: Cause): string {
  const parts: string[] = [];
  if (cause.parameter !== undefined) {
    // A table that answered says more than the list that it stands in.
    const value = cause.value === undefined || cause.table !== undefined
      ? ""
      : ` = ${shortened(cause.value)}`;
    parts.push(`${cause.parameter}${value}${cause.isDefault ? " (default)" : ""}`);
  }
  if (cause.table !== undefined) {
    parts.push(`${cause.table}: "${cause.key}" gives "${shortened(cause.entry ?? "")}"`);
  }
  if (cause.place !== undefined) {
    const { file, line } = cause.place;
    parts.push(line === undefined ? file : `${file}:${line}`);
  }
  return parts.join("  ");
}

function stepLines(step: Step, indent: string): string[] {
  const mark = step.decides ? "*" : " ";
  return [
    `${indent}${mark} ${step.what}: ${step.result}`,
    ...step.causes.map((cause) => `${indent}      ${causeText(cause)}`),
  ];
}

function destinationLines(destination: Destination): string[] {
  const { address, transport, nexthop, error } = destination;
  const where = error === undefined ? `${transport}:${nexthop}` : `undeliverable: ${error}`;
  return [`  <${address}> -> ${where}`, ...destination.steps.flatMap((step) => stepLines(step, "    "))];
}

/** The explanation for people; `*` marks what decided or changed something. Ends with a line end. */
export function formatExplanation(explanation: Explanation): string {
  const { client, refusal, steps } = explanation;
  const access = steps.filter(({ stage }) => stage === "access");
  const envelope = steps.filter(({ stage }) => stage !== "access");
  const lines = [
    `Mail from <${explanation.sender}> to <${explanation.recipient}>`,
    `  client ${client.name}[${client.address}]${
      explanation.helo === null ? "" : `, helo ${explanation.helo}`
    }, service ${explanation.service}`,
    "",
    "Access",
    ...access.flatMap((step) => stepLines(step, "  ")),
    refusal === undefined ? "  => accepted" : `  => refused at ${refusal.command}: ${refusal.reply}`,
    "",
    refusal === undefined ? "Envelope" : "Envelope (if it were accepted)",
    ...envelope.flatMap((step) => stepLines(step, "  ")),
    "",
    refusal === undefined ? "Delivery" : "Delivery (if it were accepted)",
    ...explanation.destinations.flatMap(destinationLines),
  ];
  if (explanation.warnings.length > 0) {
    lines.push("", "Warnings", ...explanation.warnings.map((text) => `  ${text}`));
  }
  if (explanation.notes.length > 0) lines.push("", "Notes", ...explanation.notes.map((text) => `  ${text}`));
  return lines.join("\n") + "\n";
}
