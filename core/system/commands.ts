/**
 * A second door of this room, for commands that run for a moment: what they all load has to be little. Everything else
 * comes from `mod.ts`.
 */
export { connectDatagram, type DatagramSender } from "./datagram.ts";
export { mapFile } from "./mapped_file.ts";
