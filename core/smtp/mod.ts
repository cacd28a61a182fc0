/**
 * What SMTP clients and servers share: the conversation over a connection (lines, timeouts, one write per turn), reply and
 * command syntax, and the two translations between message content on the wire and in queue files.
 */
export { CoarseTimer, type Expiring } from "./coarse_timer.ts";
export { type ByteChannel, SmtpStream, SmtpStreamError } from "./stream.ts";
export { appendReply, type Reply, reply, replyLine } from "./reply.ts";
export { decodeXtext, encodeXtext } from "./xtext.ts";
export { ContentWriter } from "./content_writer.ts";
export { type ContentOptions, ContentReader } from "./content_reader.ts";
export { commandWords, type Word } from "./command.ts";
export {
  type Families,
  MOST_HEADER_BYTES,
  parseProxyHeader,
  type ProxiedEndpoint,
  type ProxyHeader,
} from "./haproxy.ts";
