/** Messages that no SMTP client could send: fed to cleanup as the mail system's own programs do. */
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { AttributeReader, AttributeWriter, readAnnouncement } from "../../core/ipc/mod.ts";
import { appendTextRecord, RecordType } from "../../core/queue/mod.ts";
import type { WorldMessage } from "./world_testing.ts";

/** Bounce what can't be taken, check, copy and map addresses. */
const FLAGS = 0x33;

/** Hands a message to the cleanup service below a queue directory; its status, 0 if it was taken. */
export async function feedCleanup(spool: string, message: WorldMessage): Promise<number> {
  const connection = await Deno.connect({ transport: "unix", path: `${spool}/public/cleanup` });
  try {
    const reader = new AttributeReader(connection);
    await readAnnouncement(reader, "cleanup");
    await new AttributeWriter().integer("flags", FLAGS).end().flush(connection);
    const out = new ByteBuffer();
    const put = (type: number, text: string) => appendTextRecord(out, type, text);
    put(RecordType.Time, `${Math.floor(Date.now() / 1000)} 0`);
    put(RecordType.Attribute, "rewrite_context=local");
    put(RecordType.Sender, message.from ?? "sender@outside.example");
    for (const to of message.to) put(RecordType.Recipient, to);
    put(RecordType.Message, "");
    put(RecordType.Normal, "Received: by hand");
    put(RecordType.Normal, `Message-ID: <${message.id}@case>`);
    for (
      const line of ["Date: Mon, 1 Jan 2024 00:00:00 +0000", "From: sender@outside.example", "", "hello"]
    ) {
      put(RecordType.Normal, line);
    }
    put(RecordType.Extracted, "");
    put(RecordType.End, "");
    for (let rest = out.toBytes(); rest.length > 0;) rest = rest.subarray(await connection.write(rest));
    return await reader.integer("status");
  } finally {
    connection.close();
  }
}
