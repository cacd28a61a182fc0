import { AttributeReader, AttributeWriter, readAnnouncement } from "../../core/ipc/mod.ts";
import type { LogName } from "../../core/queue/mod.ts";
import type { BounceService } from "../delivery/types.ts";
import { type WireLevel, writeDsn, writeRecipient } from "../delivery/mod.ts";
import { BounceRequest, writeTarget } from "./protocol.ts";

/** The sockets of the three services. */
export type BouncePaths = Readonly<Record<LogName, string>>;

/**
 * The bounce services of another process. Every method rejects if the service can't be reached or did not do what was
 * asked.
 * @param directory the `private` directory, or the three paths if the services have names of their own
 */
export function createBounceClient(
  directory: string | BouncePaths,
  level: WireLevel = "3.11",
): BounceService {
  const paths: BouncePaths = typeof directory === "string"
    ? { bounce: `${directory}/bounce`, defer: `${directory}/defer`, trace: `${directory}/trace` }
    : directory;

  async function ask(name: LogName, request: number, fill: (writer: AttributeWriter) => void): Promise<void> {
    const writer = new AttributeWriter().integer("nrequest", request);
    fill(writer);
    const connection = await Deno.connect({ transport: "unix", path: paths[name] });
    try {
      const reader = new AttributeReader(connection);
      await readAnnouncement(reader, "bounce");
      await writer.end().flush(connection);
      const status = await reader.integer("status");
      await reader.end();
      if (status !== 0) throw new Error(`The ${name} service at ${paths[name]} failed with status ${status}`);
    } finally {
      connection.close();
    }
  }

  return {
    append: (name, queueId, flags, recipient, action, detail) =>
      ask(name, BounceRequest.Append, (writer) => {
        writer.integer("flags", flags).text("queue_id", queueId);
        writeRecipient(writer, recipient);
        writeDsn(writer, detail, action);
      }),
    flush(kind, target) {
      const verp = kind === "trace" ? undefined : target.verpDelimiters;
      const request = kind === "trace"
        ? BounceRequest.Trace
        : verp === undefined
        ? BounceRequest.Flush
        : BounceRequest.FlushVerp;
      return ask(kind, request, (writer) => {
        writeTarget(writer, target, level);
        if (verp !== undefined) writer.text("verp_delimiters", verp);
      });
    },
    warn: (target) => ask("defer", BounceRequest.Warn, (writer) => writeTarget(writer, target, level)),
    one: (target, recipient, detail) =>
      ask("bounce", BounceRequest.One, (writer) => {
        writeTarget(writer, target, level);
        writeRecipient(writer, recipient);
        writeDsn(writer, detail, "failed");
      }),
  };
}
