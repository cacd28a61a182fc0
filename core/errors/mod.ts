/**
 * What went wrong, in words: the message of whatever was thrown, and the system's words for a failed operation. The
 * lowest room: it needs nothing else, and every command may load it.
 */
export { messageOf, stackOf } from "./message.ts";
export { isSystemError, reasonOf } from "./system.ts";
