/**
 * Makes and swallows mail, to measure a mail system and to try it out: what smtp-source(1) and smtp-sink(1) do. Nothing
 * here is part of the mail system itself.
 */
export { type Address, parseAddress } from "./address.ts";
export { type SinkOptions, startSink } from "./sink.ts";
export { sendMail, type SourceOptions } from "./source.ts";
