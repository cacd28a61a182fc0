/** What a look at an installation found. */
export interface Finding {
  /** `fatal`: the mail system can't run like this. */
  readonly severity: "fatal" | "warning";
  /** What is wrong and where, and, where it isn't plain from that, what to do. */
  readonly text: string;
}

/** Something that works, though perhaps not as it was meant. */
export function warning(text: string): Finding {
  return { severity: "warning", text };
}

/** Something that keeps the mail system from starting. */
export function fatal(text: string): Finding {
  return { severity: "fatal", text };
}
