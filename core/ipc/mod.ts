/**
 * Conversation between the programs of a mail system: Postfix's attribute protocol (`name\0value\0 ... \0`, and the
 * plain `name=value` lines of anvil and policy servers) both ways, and the wake-up sockets.
 */
export { AttributeError, type AttributeForm, type ByteSource } from "./types.ts";
export { AttributeWriter, type ByteSink } from "./attribute_writer.ts";
export { type Attribute, AttributeReader, type ReaderLimits } from "./attribute_reader.ts";
export { announcement, readAnnouncement, type ServiceProtocol } from "./announcement.ts";
export { InputBuffer } from "./input_buffer.ts";
export { trigger } from "./trigger.ts";
