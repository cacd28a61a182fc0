import type { Logger } from "../../core/log/mod.ts";
import { splitStatus } from "../../core/status/mod.ts";
import { TableError, type TableList } from "../../core/table/mod.ts";
import type { DeliveryRecorder, DsnDetail } from "./types.ts";

/**
 * Lets a table change status codes and texts (`local_delivery_status_filter` and its like). A success stays one; a failure
 * for good may become one for now, and the other way round. What the table can't answer stays as it is.
 */
export function statusFilter(table: TableList, log: Logger): (detail: DsnDetail) => Promise<DsnDetail> {
  return async (detail) => {
    let found: string | undefined;
    try {
      found = await table.lookup(`${detail.status} ${detail.reason}`);
    } catch (error) {
      // The delivery is over; its outcome must be told even if it can't be told in other words.
      if (!(error instanceof TableError)) throw error;
      return detail;
    }
    if (found === undefined) return detail;
    const { status, text } = splitStatus(found, "");
    const fits = status !== "" && status.startsWith("2") === detail.status.startsWith("2");
    if (!fits || text === "") {
      log.warning(`${table.title}: bad status code: ${found}`);
      return detail;
    }
    return { ...detail, status, reason: text };
  };
}

/** A recorder that changes details with `statusFilter` first. */
export function filteredRecorder(
  recorder: DeliveryRecorder,
  table: TableList,
  log: Logger,
): DeliveryRecorder {
  if (table.isEmpty) return recorder;
  const changed = statusFilter(table, log);

  async function failed(...args: Parameters<DeliveryRecorder["bounced"]>): Promise<boolean> {
    const [request, recipient, relay, given] = args;
    const detail = await changed(given);
    return detail.status.startsWith("4")
      ? await recorder.deferred(request, recipient, relay, detail)
      : await recorder.bounced(request, recipient, relay, detail);
  }

  return {
    sent: async (request, recipient, relay, detail) =>
      await recorder.sent(request, recipient, relay, await changed(detail)),
    bounced: failed,
    deferred: failed,
  };
}
