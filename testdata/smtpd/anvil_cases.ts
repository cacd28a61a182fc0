/** Clients that exceed limits: anvil_record.ts plays them to a real Postfix, the tests to our server. */
import { connect } from "node:net";

/** One step of a client: opens connection `to`, or says something over it. */
export interface Step {
  readonly to: number;
  /** Opens the connection from this address. */
  readonly from?: string;
  readonly say?: string;
}

export interface Scenario {
  readonly settings: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const open = (to: number, from = "127.0.0.2"): Step => ({ to, from });
const say = (to: number, ...lines: string[]): Step[] => lines.map((line) => ({ to, say: line }));
const mail = (to: number) => say(to, "EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<x@example.com>", "RCPT TO:<y@example.com>", "RCPT TO:<z@example.com>", "RSET", "MAIL FROM:<a@a.test>", "RSET", "MAIL FROM:<a@a.test>", "RCPT TO:<x@example.com>", "QUIT");

export const base: Readonly<Record<string, string>> = {
  compatibility_level: "3.6",
  myhostname: "mx.example.com",
  mydestination: "example.com",
  mynetworks: "127.0.0.9/32",
  local_recipient_maps: "",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "ipv4",
  smtpd_error_sleep_time: "0",
  smtpd_peername_lookup: "no",
};

export const scenarios: Readonly<Record<string, Scenario>> = {
  count: {
    settings: { smtpd_client_connection_count_limit: "2" },
    steps: [open(1), open(2), open(3), ...say(1, "QUIT"), open(4), ...say(4, "NOOP", "QUIT"), open(5, "127.0.0.3"), ...say(5, "QUIT"), open(6, "127.0.0.9"), open(7, "127.0.0.9"), open(8, "127.0.0.9"), ...say(2, "QUIT"), ...say(6, "QUIT"), ...say(7, "QUIT"), ...say(8, "QUIT")],
  },
  rate: {
    settings: { smtpd_client_connection_rate_limit: "2", smtpd_client_connection_count_limit: "0" },
    steps: [open(1), ...say(1, "QUIT"), open(2), ...say(2, "QUIT"), open(3), open(4, "127.0.0.3"), ...say(4, "QUIT"), open(5, "127.0.0.9"), ...say(5, "QUIT")],
  },
  messages: { settings: { smtpd_client_message_rate_limit: "2" }, steps: [open(1), ...mail(1), open(2), ...mail(2), open(3, "127.0.0.9"), ...mail(3)] },
  recipients: { settings: { smtpd_client_recipient_rate_limit: "2" }, steps: [open(1), ...mail(1), open(2), ...mail(2), open(3, "127.0.0.9"), ...mail(3)] },
  noexceptions: {
    settings: { smtpd_client_message_rate_limit: "1", smtpd_client_event_limit_exceptions: "" },
    steps: [open(1, "127.0.0.9"), ...mail(1)],
  },
};

/** Plays a scenario; what came back after each step. */
export async function play(port: number, steps: readonly Step[]): Promise<string[]> {
  const connections = new Map<number, { send(text: string): void; reply(): Promise<string>; end(): void }>();
  const answers: string[] = [];
  for (const { to, from, say } of steps) {
    if (from !== undefined) connections.set(to, client(port, from));
    const connection = connections.get(to)!;
    if (say !== undefined) connection.send(say + "\r\n");
    answers.push(await connection.reply());
  }
  for (const connection of connections.values()) connection.end();
  return answers;
}

function client(port: number, from: string) {
  const socket = connect({ host: "127.0.0.1", port, localAddress: from });
  socket.setEncoding("latin1");
  let text = "";
  let closed = false;
  let wake = () => {};
  socket.on("data", (data: string) => {
    text += data;
    wake();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    wake();
  });
  return {
    send: (line: string) => void socket.write(line, "latin1"),
    async reply() {
      while (!closed && !/^\d{3} .*\r\n$/m.test(text)) await new Promise<void>((done) => wake = done);
      const reply = text;
      text = "";
      // After these the server closes.
      if (/^(221|421)/.test(reply)) while (!closed) await new Promise<void>((done) => wake = done);
      return reply;
    },
    end: () => void socket.destroy(),
  };
}

/** A statistics line without its time, or undefined. */
export function statistics(line: string): string | undefined {
  return /statistics: .*/.exec(line)?.[0].replace(/ at \w{3} .*/, "").replace(/for \([^)]*?:(127[^)]*)\)/, "for (SERVICE:$1)");
}

/** A log line of smtpd without what differs from run to run. */
export function steadyLine(line: string): string {
  return line.replace(/^[0-9A-F]{8,}: /, "QUEUEID: ").replace(/for service \S+/, "for service SERVICE");
}
