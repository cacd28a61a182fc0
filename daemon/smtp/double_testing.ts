/** What tests of the client put in the place of its neighbours. */
import { type Config, configFromText } from "../../core/config/mod.ts";
import { createResolver } from "../../core/dns/mod.ts";
import type { NameServer } from "../../core/dns/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { appendRecord, appendTextRecord, type Queue, type Recipient } from "../../core/queue/mod.ts";
import { memoryQueue } from "../../core/queue/testing.ts";
import { RecordType } from "../../core/queue/types.ts";
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import {
  DeliveryFlag,
  type DeliveryRecorder,
  type DeliveryRequest,
  type DsnDetail,
} from "../delivery/types.ts";
import { createSmtpClient, type SmtpClient, type SmtpClientDeps } from "./mod.ts";
import type { Protocol } from "./settings.ts";

/** What was recorded for one recipient. */
export interface Fate {
  readonly status: "sent" | "bounced" | "deferred";
  readonly to: string;
  readonly relay: string;
  readonly detail: DsnDetail;
  readonly reuse: number;
  readonly recipient: Recipient;
}

/** A client with everything that it stands on. */
export interface Bench extends AsyncDisposable {
  readonly client: SmtpClient;
  readonly queue: Queue;
  readonly fates: Fate[];
  /** Log lines of the client itself. */
  lines(): string[];
  /** `status dsn relay reason` of every recipient since the last call. */
  told(): string[];
}

export interface BenchOptions {
  readonly main?: string;
  readonly protocol?: Protocol;
  readonly nameServer?: NameServer;
  readonly passTo?: SmtpClientDeps["passTo"];
  /** `flags=` of master.cf. */
  readonly flags?: string;
  /** Wraps the queue as the client sees it. */
  readonly queue?: (queue: Queue) => Pick<Queue, "openContent" | "setMode">;
  /** Another recorder than the one that writes down what it is told. */
  readonly recorder?: (deps: { config: Config; queue: Queue; log: Logger }) => DeliveryRecorder;
}

/** Makes a client whose recorder writes down what it is told. */
export function makeBench(options: BenchOptions = {}): Bench {
  const protocol = options.protocol ?? "smtp";
  const main =
    `myhostname = client.test\ninet_protocols = ipv4\ncompatibility_level = 3.6\ninet_interfaces = 127.0.0.9\n${
      options.main ?? ""
    }\n`;
  const config = configFromText(main);
  const sink = memorySink();
  const log = new Logger(sink, `postfix/${protocol}`);
  const fates: Fate[] = [];
  let seen = 0;
  const note =
    (status: Fate["status"], finished: boolean): DeliveryRecorder["sent"] =>
    (request, recipient, relay, detail) => {
      fates.push({ status, to: recipient.address, relay, detail, reuse: request.times.reuse, recipient });
      return Promise.resolve(finished);
    };
  const noting: DeliveryRecorder = {
    sent: note("sent", true),
    bounced: note("bounced", true),
    deferred: note("deferred", false),
  };
  const queue = memoryQueue();
  const recorder = options.recorder?.({ config, queue, log }) ?? noting;
  const servers = options.nameServer === undefined ? {} : { servers: [options.nameServer] };
  const client = createSmtpClient({
    config,
    protocol,
    serviceName: protocol,
    queue: options.queue?.(queue) ?? queue,
    recorder,
    resolver: createResolver({ settings: { timeout: 1, attempts: 1, search: [], ...servers } }),
    tables: new TableSet(config),
    log,
    ...(options.passTo === undefined ? {} : { passTo: options.passTo }),
    ...(options.flags === undefined ? {} : { flags: options.flags }),
  });
  return {
    client,
    queue,
    fates,
    lines: () => sink.lines(),
    told() {
      const fresh = fates.slice(seen);
      seen = fates.length;
      return fresh.map(({ status, detail, relay }) => `${status} ${detail.status} ${relay} ${detail.reason}`);
    },
    [Symbol.asyncDispose]: () => client.stop(0),
  };
}

export interface MailOptions {
  readonly nexthop: string;
  readonly sender?: string;
  readonly recipients?: readonly (string | Partial<Recipient>)[];
  /** Lines of the message. */
  readonly lines?: readonly (string | Uint8Array)[];
  readonly reuse?: boolean;
  /** Flags of the request in addition. */
  readonly flags?: number;
  readonly request?: Partial<DeliveryRequest>;
}

/** Puts a message into the queue and describes its delivery. */
export async function makeRequest(queue: Queue, options: MailOptions): Promise<DeliveryRequest> {
  const writer = queue.create("incoming");
  const content = new ByteBuffer();
  for (const line of options.lines ?? ["Subject: test", "", "Hello", ".dot"]) {
    if (typeof line === "string") appendTextRecord(content, RecordType.Normal, line);
    else appendRecord(content, RecordType.Normal, line);
  }
  const contentSize = content.length;
  appendTextRecord(content, RecordType.Extracted, "");
  appendTextRecord(content, RecordType.End, "");
  const head = new ByteBuffer();
  appendTextRecord(head, RecordType.Message, "");
  writer.append(head.view());
  writer.append(content.view());
  await writer.commit();
  queue.move(writer.id, "incoming", "active");
  const now = Date.now() / 1000;
  const flags = DeliveryFlag.MarkDone | (options.flags ?? 0) |
    (options.reuse ? DeliveryFlag.CacheLoad | DeliveryFlag.CacheStore : 0);
  return {
    flags,
    queueName: "active",
    queueId: writer.id,
    contentOffset: head.length,
    contentSize,
    messageSize: contentSize,
    nexthop: options.nexthop,
    encoding: "7bit",
    sendopts: 0,
    sender: options.sender ?? "from@client.test",
    envelopeId: "",
    returnFlags: 0,
    times: { incoming: now, active: now, agent: now, connected: 0, delivered: 0, reuse: 0 },
    attributes: new Map(),
    recipients: (options.recipients ?? ["to@example.test"]).map((recipient) => {
      const given = typeof recipient === "string" ? { address: recipient } : recipient;
      const address = given.address ?? "to@example.test";
      return {
        original: address,
        dsnOriginal: `rfc822;${address}`,
        notify: 0,
        offset: -1,
        ...given,
        address,
      };
    }),
    ...options.request,
  };
}

/** Delivers a message. */
export async function mail(bench: Bench, options: MailOptions) {
  return await bench.client.deliver(await makeRequest(bench.queue, options));
}
