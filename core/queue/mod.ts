/**
 * The queue: ids, records, envelopes, directories, the bounce, defer and trace logs. `openQueue` is the store on disk
 * that real Postfix shares.
 */
import type { Config } from "../config/types.ts";
import type { GroupSync } from "../system/mod.ts";
import { FileQueue } from "./file_queue.ts";
import { queueSettings } from "./settings.ts";
import type { Queue } from "./types.ts";

export * from "./types.ts";
export {
  appendRecord,
  appendRecordHeader,
  appendTextRecord,
  type QueueRecord,
  readRecords,
  RecordCursor,
} from "./record.ts";
export {
  fixedNumber,
  formatSizeRecord,
  parseSizeRecord,
  SIZE_RECORD_LENGTH,
  type SizeFields,
} from "./size_record.ts";
export {
  hashDirectories,
  isLongId,
  isQueueId,
  longId,
  parseQueueId,
  type QueueIdParts,
  shortId,
} from "./queue_id.ts";
export { parseEnvelope } from "./envelope.ts";
export { attributeRecordType, parseAttribute, parseTime } from "./envelope_fields.ts";
export { type ByteSource, fileSource, memorySource } from "./byte_source.ts";
export { recordTypeName } from "./describe.ts";
export { RecordWalker } from "./record_walker.ts";
export { createQueueDirectories } from "./directories.ts";
export { NEW_FILES, removeUnfinishedFiles } from "./new_files.ts";
export { LISTED_QUEUES, withBounced } from "./listing.ts";
export { MessageCollector, TextSpan } from "./listing_sink.ts";
export { JsonPrinter, type ListingPrinter, MailqPrinter } from "./listing_print.ts";
export { formatLogRecord, parseLog } from "./log_record.ts";
export {
  type ActionCount,
  type MaintenanceReport,
  type MessageAction,
  QueueMaintenance,
} from "./maintenance.ts";
export {
  CHECKED_DIRECTORIES,
  DEFAULT_DIRECTORIES,
  StructureCheck,
  type StructureOptions,
} from "./structure.ts";
export {
  type AddressPattern,
  addressPattern,
  domainPattern,
  parseAge,
  parseSizeBound,
  type Selection,
  selects,
  type SizeBound,
} from "./select.ts";
export {
  type AgeRow,
  type AgeScale,
  AgeTable,
  type Group,
  type Grouping,
  GROUPINGS,
  Tally,
} from "./tally.ts";
export { addDirectory, emptyShape, type Shape, type ShapeCounts, type ShapeOptions } from "./queue_shape.ts";
export { Pace } from "./pace.ts";
export { NewFileOwner } from "./new_file_owner.ts";
export { type QueueSettings, queueSettings } from "./settings.ts";

/**
 * The queue that main.cf describes. Opens nothing yet.
 * @param group syncs the new files, for processes that have more than one message at a time
 */
export function openQueue(config: Config, group?: GroupSync): Queue {
  return new FileQueue(queueSettings(config), group);
}
