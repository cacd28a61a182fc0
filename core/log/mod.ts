/**
 * The mail log. Programs say what happened once, as a text that log analysers know (Postfix's lines) together with the
 * name of the event and its fields; a sink prints the classic line or a JSON object from the same entry.
 */
export { formatClassic, formatJson, type LogFormat } from "./format.ts";
export { type Fields, Logger } from "./logger.ts";
export { type LogEntry, type LogLevel, type LogSink, memorySink, streamSink, teeSink } from "./sink.ts";
export { isFacility, syslogSink } from "./syslog.ts";
export { type LogSettings, logSettings, openLog, SwitchSink } from "./open.ts";
