/**
 * The mail log. Programs say what happened once, as a text that log analysers know (Postfix's lines) together with the
 * name of the event and its fields; a sink prints the classic line or a JSON object from the same entry.
 */
export { formatClassic, formatJson } from "./format.ts";
export { Logger } from "./logger.ts";
export { memorySink, streamSink, teeSink } from "./sink.ts";
export { isFacility, syslogSink } from "./syslog.ts";
export { type LogSettings, logSettings, openLog, SwitchSink } from "./open.ts";
export type { Fields, LogEntry, LogFormat, LogLevel, LogSink } from "./types.ts";
