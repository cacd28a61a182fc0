/**
 * Handing in mail from a user's command: into the maildrop directory where the caller may write there (root, members of
 * setgid_group), else over the daemon's socket.
 */
import { ByteBuffer, encodeText, writeAll } from "../../core/bytes/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { messageOf, reasonOf } from "../../core/errors/mod.ts";
import { AttributeReader, AttributeWriter, readAnnouncement, trigger } from "../../core/ipc/mod.ts";
import { openQueue, QueueFileError, type QueueWriter, RecordType } from "../../core/queue/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import { type CleanupResult, CleanupStatus } from "../cleanup/types.ts";
import { PostdropFilter } from "./postdrop_filter.ts";
import { senderRights } from "./submit_rights.ts";

/** One message on its way in. */
export interface Post {
  readonly queueId: string;
  /** Whole records. Throws `SubmissionError` when they can't be part of a submission. */
  write(records: Uint8Array): Promise<void>;
  /** After the `E` record: resolves when the mail system has the message (status 0), or says why not. */
  finish(): Promise<CleanupResult>;
  /** Gives up; nothing stays behind. */
  abort(): void;
}

/** There is nobody to take the mail now; it may work later. */
export class PostError extends Error {
  override readonly name = "PostError";
}

export interface PostOptions {
  readonly config: Config;
  readonly uid: number;
  readonly warn: (text: string) => void;
}

/** Opens a way in. Rejects with `PostError` if there is none. */
export async function openPost(options: PostOptions): Promise<Post> {
  const { config } = options;
  const directory = config.string("queue_directory");
  let problem: string;
  try {
    return maildropPost(openQueue(config).create("maildrop"), options);
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    problem = error.message;
  }
  try {
    return await socketPost(`${directory}/postel/submit`);
  } catch (error) {
    const reason = messageOf(error);
    throw new PostError(
      `mail system is down or not reachable: ${problem}; ${directory}/postel/submit: ${reason}`,
    );
  }
}

function maildropPost(writer: QueueWriter, { config, uid, warn }: PostOptions): Post {
  const sizeLimit = config.int("message_size_limit");
  const filter = new PostdropFilter({
    uid,
    recordLimit: config.int("line_length_limit"),
    maySendAs: senderRights(config, () => new TableSet(config), uid, warn),
    warn,
  });
  const out = new ByteBuffer(8192);
  let tooBig = false;
  const { seconds, micros } = writer.created;
  const time = encodeText(`${seconds} ${micros}`);
  writer.append(Uint8Array.of(RecordType.Time, time.length, ...time));
  return {
    queueId: writer.id,
    async write(records) {
      await filter.push(records, out);
      tooBig ||= sizeLimit > 0 && writer.offset + out.length > sizeLimit;
      if (!tooBig) writer.append(out.view());
      out.clear();
    },
    async finish() {
      const { verdict } = filter;
      if (!filter.complete || tooBig || verdict.status !== CleanupStatus.Ok) {
        writer.discard();
        if (!filter.complete) return { status: CleanupStatus.Bad, reason: "" };
        return tooBig ? { status: CleanupStatus.Size, reason: "" } : verdict;
      }
      try {
        await writer.commit("maildrop");
      } catch (error) {
        if (!(error instanceof QueueFileError)) throw error;
        warn(error.message);
        return { status: CleanupStatus.Write, reason: "" };
      }
      await wakePickup(config, warn);
      return verdict;
    },
    abort: () => writer.discard(),
  };
}

/** Mail in maildrop is safe; that nobody wakes up means only that it waits. */
async function wakePickup(config: Config, warn: (text: string) => void): Promise<void> {
  try {
    const timeout = config.seconds("trigger_timeout") * 1000;
    await trigger(`${config.string("queue_directory")}/public/pickup`, "W", timeout);
  } catch (error) {
    // The mail system is down.
    if (error instanceof Deno.errors.ConnectionRefused) return;
    warn(`unable to look up public/pickup: ${reasonOf(error)}`);
  }
}

async function socketPost(path: string): Promise<Post> {
  const connection = await Deno.connect({ transport: "unix", path });
  let open = true;
  const close = () => {
    if (open) connection.close();
    open = false;
  };
  const reader = new AttributeReader(connection);
  try {
    const queueId = (await readAnnouncement(reader, "postdrop")).get("queue_id") ?? "";
    return {
      queueId,
      async write(records) {
        try {
          await writeAll(connection, records);
        } catch {
          // The daemon closes when it refuses; its answer is read at the end.
        }
      },
      async finish() {
        try {
          return { status: await reader.integer("status"), reason: await reader.text("reason") };
        } catch {
          return { status: CleanupStatus.Write, reason: "" };
        } finally {
          close();
        }
      },
      abort: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Postdrop's answer, as an attribute list. */
export function postReply({ status, reason }: CleanupResult): Uint8Array<ArrayBuffer> {
  return new AttributeWriter().integer("status", status).text("reason", reason).end().view();
}
