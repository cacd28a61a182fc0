/**
 * Message content: headers by name, MIME structure, dates. What it works on are bytes and the lines of queue file
 * records; it opens no file and keeps no state between messages.
 */
export {
  HeaderFlag,
  headerNameLength,
  type KnownHeader,
  knownHeader,
  knownHeaderByName,
} from "./header_name.ts";
export { type HeaderToken, headerTokens } from "./header_tokens.ts";
export { mailDate } from "./date.ts";
export { encodeWords } from "./encoded_word.ts";
export { type CheckAction, checkAction, isHeaderText } from "./check_action.ts";
export { downgradeContent, type DowngradeLimits } from "./downgrade.ts";
export { MimeError, mimeErrorText } from "./mime_error.ts";
export { type HeaderClass, MimeEvent, type MimeOptions, MimeScanner } from "./mime.ts";
