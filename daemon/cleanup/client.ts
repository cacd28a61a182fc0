/** The other end of `public/cleanup`, for processes that have no cleanup of their own. */
import { writeAll } from "../../core/bytes/mod.ts";
import { AttributeReader, AttributeWriter, readAnnouncement } from "../../core/ipc/mod.ts";
import type { CleanupMessage, CleanupResult } from "./types.ts";

/** A cleanup service behind a socket. */
export interface RemoteCleanup {
  /** Opens a queue file there. Rejects when the service can't be reached or does not speak the protocol. */
  begin(flags: number): Promise<CleanupMessage>;
}

/** @param path of the socket `public/cleanup` */
export function createCleanupClient(path: string): RemoteCleanup {
  return {
    async begin(flags) {
      const connection = await Deno.connect({ transport: "unix", path });
      try {
        const reader = new AttributeReader(connection);
        const queueId = (await readAnnouncement(reader, "cleanup")).get("queue_id");
        if (queueId === undefined || queueId === "") throw new Error(`${path}: greeting without a queue id`);
        await writeAll(connection, new AttributeWriter().integer("flags", flags).end().view());
        return conversation(connection, reader, queueId);
      } catch (error) {
        connection.close();
        throw error;
      }
    },
  };
}

function conversation(connection: Deno.UnixConn, reader: AttributeReader, queueId: string): CleanupMessage {
  let open = true;
  const close = () => {
    if (open) connection.close();
    open = false;
  };
  return {
    queueId,
    async write(records) {
      // A service that has refused the message goes on reading; one that is gone shows in `finish`.
      await writeAll(connection, records).catch(() => {});
    },
    async finish(): Promise<CleanupResult> {
      try {
        const status = await reader.integer("status");
        const reason = await reader.text("reason");
        await reader.end();
        return { status, reason };
      } finally {
        close();
      }
    },
    abort: close,
  };
}
