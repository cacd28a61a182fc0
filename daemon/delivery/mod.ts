/**
 * What the queue manager, the delivery agents and the bounce services share: the request and its answer (types.ts), the
 * log line and the bookkeeping for each recipient, and the protocol for agents in another process.
 */
export {
  type BounceService,
  type BounceTarget,
  type DeliveryAgent,
  DeliveryFlag,
  type DeliveryRecorder,
  type DeliveryReply,
  type DeliveryRequest,
  type DeliveryTimes,
  type DsnAction,
  type DsnDetail,
  MESSAGE_ATTRIBUTES,
  SendOption,
} from "./types.ts";
export { filteredRecorder, statusFilter } from "./status_filter.ts";
export { createRecorder, type ProbeResult, type RecorderDeps } from "./recorder.ts";
export {
  type Conversation,
  createRemoteAgent,
  readRequest,
  serveDelivery,
  writeRequest,
} from "./protocol.ts";
export {
  type ChannelConnection,
  type ChannelHost,
  DeliveryChannel,
  serveDeliveryChannel,
} from "./channel.ts";
export { isDamage, markDamaged } from "./damaged.ts";
export { formatDelay } from "./delays.ts";
export { splitReason } from "./reason.ts";
export { deliveryLine, type DeliveryStatus, type LineStyle, lineStyle, logAddress } from "./log_line.ts";
export {
  isDsnAction,
  queueIdFrom,
  queueNameFrom,
  readDsn,
  readRecipient,
  readSendopts,
  sendoptsName,
  type WireLevel,
  writeDsn,
  writeRecipient,
} from "./wire.ts";
