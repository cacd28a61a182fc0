import process from "node:process";
import { type Addressing, type MapList } from "../../core/address/mod.ts";
import { type Config, ConfigError } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Queue, QueueFileError, type Recipient } from "../../core/queue/types.ts";
import type { Identity } from "../../core/system/mod.ts";
import { TableError, type TableSet } from "../../core/table/mod.ts";
import {
  type DeliveryAgent,
  DeliveryFlag,
  type DeliveryRecorder,
  type DeliveryRequest,
  isDamage,
  markDamaged,
} from "../delivery/mod.ts";
import {
  appendToMbox,
  deliveredTo,
  deliverToMaildir,
  fromLine,
  MailboxError,
  mailboxSettings,
  openOwnMaps,
  originalToLines,
  returnPath,
  SharedContent,
} from "../mailbox/mod.ts";

export interface VirtualDeps {
  readonly config: Config;
  readonly queue: Queue;
  readonly addressing: Addressing;
  readonly tables: TableSet;
  readonly recorder: DeliveryRecorder;
  /** In the name of `postfix/virtual`. */
  readonly log: Logger;
  /** What log lines call the transport. */
  readonly service: string;
  /** fsync(2), together with other files that are due. */
  readonly sync: (fd: number) => Promise<void>;
}

/** Trouble with a mailbox is for the administrator of the tables to mend: mail waits. */
const STANDARD = "4.2.0";
const MISCONFIGURED = { status: "4.3.5", reason: "mail system configuration error" } as const;

/** A recipient that can't be delivered to because of what a table says. */
class MappingError extends Error {
  override readonly name = "MappingError";
}

/** Makes the agent for one configuration snapshot. Throws `ConfigError` or `TableError` if that can't be used. */
export function createVirtual(deps: VirtualDeps): DeliveryAgent {
  const { config, queue, addressing, recorder, log, service, sync } = deps;
  const mailboxMaps = openOwnMaps(deps, "virtual_mailbox_maps");
  const uidMaps = openOwnMaps(deps, "virtual_uid_maps");
  const gidMaps = openOwnMaps(deps, "virtual_gid_maps");
  const base = config.string("virtual_mailbox_base");
  const originalTo = originalToLines(config);
  if (base !== "" && !base.startsWith("/")) {
    throw new ConfigError(
      `do not specify relative pathname: virtual_mailbox_base = ${base}`,
      config.origin("virtual_mailbox_base"),
    );
  }
  const minimumUid = config.int("virtual_minimum_uid");
  const settings = mailboxSettings(config, "virtual");
  const isRoot = process.geteuid?.() === 0;
  const warn = (text: string) => log.warning(text);

  async function numberFrom(maps: MapList, what: string, least: number, recipient: string): Promise<number> {
    const found = await addressing.find(maps, recipient);
    if (found === undefined) throw new MappingError(`recipient ${recipient}: not found in ${maps.title}`);
    const number = Number(found.value);
    if (!/^\d{1,10}$/.test(found.value) || number < least || number > 0xfffffffe) {
      throw new MappingError(`recipient ${recipient}: bad ${what} ${found.value} in ${maps.title}`);
    }
    return number;
  }

  async function identityOf(recipient: string): Promise<Identity> {
    const uid = await numberFrom(uidMaps, "uid", minimumUid, recipient);
    const gid = await numberFrom(gidMaps, "gid", 1, recipient);
    if (isRoot) return { uid, gid, groups: [gid] };
    // Without root there is one identity only: the process's own.
    return { uid: process.geteuid?.() ?? uid, gid: process.getegid?.() ?? gid, groups: [] };
  }

  /** Writes the message; resolves to what the log says of it. */
  async function store(
    request: DeliveryRequest,
    content: SharedContent,
    recipient: Recipient,
    path: string,
    user: Identity,
  ): Promise<string> {
    const headers = [
      returnPath(request.sender),
      ...originalTo(recipient.original),
      deliveredTo(recipient.address),
    ];
    if (path.endsWith("/")) {
      await deliverToMaildir({
        directory: path.slice(0, -1),
        user,
        reader: content.read(),
        form: { prepend: headers },
        sizeLimit: settings.sizeLimit,
        standard: STANDARD,
        warn,
        sync,
      });
      return "delivered to maildir";
    }
    await appendToMbox({
      path,
      user,
      settings,
      reader: content.read(),
      form: {
        prepend: [fromLine(request.sender || "MAILER-DAEMON"), ...headers],
        quoteFrom: true,
        blankLine: true,
      },
      messageSize: request.messageSize,
      standard: STANDARD,
      accept({ status }) {
        if (!status.isFile()) {
          warn(`recipient ${recipient.address}: destination ${path} is not a regular file`);
          throw new MailboxError("5.3.5", MISCONFIGURED.reason);
        }
        if (settings.strictOwnership && status.uid !== user.uid) {
          warn('specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch');
          throw new MailboxError(STANDARD, `destination ${path} is not owned by recipient`);
        }
      },
    });
    return "delivered to mailbox";
  }

  function pathOf(recipient: string, value: string): string {
    if (value.split("/").includes("..")) {
      throw new MappingError(
        `recipient ${recipient}: ".." in the mailbox "${value}" of ${mailboxMaps.title}`,
      );
    }
    return base === "" ? value : `${base}/${value}`;
  }

  async function deliverOne(
    request: DeliveryRequest,
    content: SharedContent,
    recipient: Recipient,
  ): Promise<boolean> {
    const address = addressing.rules.foldCase(recipient.address);
    let path = "";
    try {
      const found = await addressing.find(mailboxMaps, address);
      if (found === undefined) {
        return await recorder.bounced(request, recipient, service, {
          status: "5.1.1",
          reason: `unknown user: "${address}"`,
        });
      }
      path = pathOf(address, found.value);
      const user = await identityOf(address);
      if ((request.flags & (DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser)) !== 0) {
        const reason = path.endsWith("/") ? "delivers to maildir" : "delivers to mailbox";
        return await recorder.sent(request, recipient, service, { status: "2.0.0", reason });
      }
      const reason = await store(request, content, recipient, path, user);
      return await recorder.sent(request, recipient, service, { status: "2.0.0", reason });
    } catch (error) {
      if (error instanceof MailboxError) {
        const what = path.endsWith("/")
          ? "maildir delivery failed: "
          : `delivery failed to mailbox ${path}: `;
        const detail = { status: error.status, reason: what + error.reason };
        return error.status.startsWith("4")
          ? await recorder.deferred(request, recipient, service, detail)
          : await recorder.bounced(request, recipient, service, detail);
      }
      if (isDamage(error)) throw error;
      if (error instanceof QueueFileError) {
        return await recorder.deferred(request, recipient, service, {
          status: "4.3.0",
          reason: error.message,
        });
      }
      if (error instanceof MappingError) warn(error.message);
      else if (!(error instanceof TableError)) throw error;
      return await recorder.deferred(request, recipient, service, MISCONFIGURED);
    }
  }

  return {
    async deliver(request) {
      const content = new SharedContent(queue, request);
      let finished = true;
      try {
        for (const recipient of request.recipients) {
          if (!await deliverOne(request, content, recipient)) finished = false;
        }
      } catch (error) {
        if (!isDamage(error)) throw error;
        markDamaged(queue, request);
        finished = false;
      } finally {
        content.close();
      }
      return { finished };
    },
  };
}
