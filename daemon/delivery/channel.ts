/**
 * Deliveries between two processes of this program: one lasting connection carries the requests for all transports of the
 * delivery process, many at a time, and their answers in the order in which they come about. Postfix's protocol
 * (protocol.ts), which takes a connection for each delivery, stays what other programs speak on the transports' own
 * sockets.
 *
 * One JSON object a line: `{"number":1,"transport":"local","request":{...}}`, answered by `{"number":1,"reply":{...}}`.
 */
import { reasonOf } from "../../core/errors/mod.ts";
import { requestFromJson, requestToJson } from "./channel_form.ts";
import { LineWriter, readLines } from "./line_stream.ts";
import { BROKEN, type Conversation, UNAVAILABLE } from "./protocol.ts";
import type { DeliveryAgent, DeliveryReply, DeliveryRequest, DsnDetail } from "./types.ts";

/** A connection that can be given up. */
export type ChannelConnection = Conversation & { close(): void };

interface Open {
  readonly connection: ChannelConnection;
  readonly writer: LineWriter;
  readonly waiting: Map<number, (reply: DeliveryReply) => void>;
}

function trouble(detail: DsnDetail, error: unknown): DeliveryReply {
  return { finished: false, transportTrouble: { ...detail, cause: reasonOf(error) } };
}

/** The queue manager's end. */
export class DeliveryChannel {
  #open: Promise<Open> | undefined;
  #number = 0;

  /**
   * @param connect makes a connection to the delivery process; called again after one was lost
   * @param beforeRequest called before requests leave: what was logged about their messages comes first in the log
   */
  constructor(
    private readonly connect: () => Promise<ChannelConnection>,
    private readonly beforeRequest: () => void = () => {},
  ) {}

  /** The agent of a transport at the other end. */
  agentFor(transport: string): DeliveryAgent {
    return { deliver: (request) => this.#deliver(transport, request) };
  }

  /** Gives the connection up. Deliveries under way end as if the other process had died. */
  close(): void {
    void this.#open?.then(({ connection }) => connection.close(), () => {});
  }

  async #deliver(transport: string, request: DeliveryRequest): Promise<DeliveryReply> {
    let open: Open;
    try {
      open = await (this.#open ??= this.#connected());
    } catch (error) {
      this.#open = undefined;
      return trouble(UNAVAILABLE, error);
    }
    const number = ++this.#number;
    const { promise, resolve } = Promise.withResolvers<DeliveryReply>();
    open.waiting.set(number, resolve);
    // What can't be written is answered by the end of the connection.
    open.writer.write(
      `{"number":${number},"transport":${JSON.stringify(transport)},"request":${requestToJson(request)}}`,
    ).catch(() => closed(open.connection));
    return await promise;
  }

  async #connected(): Promise<Open> {
    const connection = await this.connect();
    const open: Open = {
      connection,
      waiting: new Map(),
      writer: new LineWriter(connection, this.beforeRequest),
    };
    void this.#receive(open);
    return open;
  }

  async #receive(open: Open): Promise<void> {
    let cause: unknown = "Connection closed by the delivery process";
    try {
      await readLines(open.connection, (line) => {
        const { number, reply } = JSON.parse(line) as { number: number; reply: DeliveryReply };
        open.waiting.get(number)?.(reply);
        open.waiting.delete(number);
      });
    } catch (error) {
      cause = error;
    }
    this.#open = undefined;
    closed(open.connection);
    for (const resolve of open.waiting.values()) resolve(trouble(BROKEN, cause));
  }
}

function closed(connection: ChannelConnection): void {
  try {
    connection.close();
  } catch {
    // The other end was quicker.
  }
}

/** What the delivery process has for its end. */
export interface ChannelHost {
  agentFor(transport: string): DeliveryAgent | undefined;
  /** Called before answers leave. */
  beforeReply(): void;
  /** Is told of each delivery; the promise is fulfilled when its answer was sent. */
  counted(delivery: Promise<void>): void;
}

/**
 * Serves one connection until the peer closes it. Throws `AttributeError` or `SyntaxError` for what is no request; the
 * caller closes the connection, which is the answer to everything that is still under way.
 */
export async function serveDeliveryChannel(connection: Conversation, host: ChannelHost): Promise<void> {
  const writer = new LineWriter(connection, () => host.beforeReply());

  async function deliver(number: number, transport: string, request: DeliveryRequest): Promise<void> {
    let reply: DeliveryReply;
    try {
      const agent = host.agentFor(transport);
      reply = agent === undefined
        ? trouble(UNAVAILABLE, `No transport "${transport}" in this process`)
        : await agent.deliver(request);
    } catch (error) {
      reply = trouble(BROKEN, error);
    }
    // A queue manager that is gone finds the recipient unmarked, and delivers again.
    await writer.write(JSON.stringify({ number, reply })).catch(() => {});
  }

  await readLines(connection, (line) => {
    const { number, transport, request } = JSON.parse(line) as {
      number: number;
      transport: string;
      request: unknown;
    };
    const decoded = requestFromJson(request);
    // Postfix's queue manager leaves this one to the agent, too.
    decoded.times.agent = Date.now() / 1000;
    host.counted(deliver(number, transport, decoded));
  });
}
