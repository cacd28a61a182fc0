/**
 * Commands that messages are piped into: run with a user's rights in a session of their own, within a time limit, with
 * an environment that holds nothing else, and what their end means for the message.
 */
export { exportedEnvironment } from "./environment.ts";
export { type CommandEnd, type CommandOutcome, outcomeOf } from "./outcome.ts";
export { type CommandRun, killGroup, NOT_ENTERED, runCommand } from "./run.ts";
export { commandWords } from "./words.ts";
