/**
 * Explains what would become of a message: every step of one recipient through the configuration, with the parameter
 * or table line that decided it. Tables are asked and DNS may be; no mail is sent, nothing is written, no policy service
 * or address probe is started.
 */
export { explainRecipient, type Question } from "./explain.ts";
export { formatExplanation } from "./print.ts";
export type { Cause, Destination, Explanation, Place, Step } from "./types.ts";
