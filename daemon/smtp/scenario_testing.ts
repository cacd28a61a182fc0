/** One scenario as data, and the names, servers and settings that many of them share. */
import { a, mx, type Zone } from "../../core/dns/testing.ts";
import type { FakeServerOptions } from "./testing.ts";

export interface Scenario {
  readonly name: string;
  readonly protocol?: "smtp" | "lmtp";
  /** Lines of main.cf in addition; `TESTDATA` is the directory testdata/smtp. */
  readonly main?: readonly string[];
  readonly zone?: Zone;
  /** Servers by address; `/path` is a UNIX socket `SOCKET`. */
  readonly servers?: Readonly<Record<string, FakeServerOptions>>;
  /** `PORT` stands for the port of the servers, `SOCKET` for the socket's path; default: the recipient's domain. */
  readonly nexthop?: string;
  readonly sender?: string;
  readonly recipients?: readonly string[];
  /** Header lines behind `Subject:`. */
  readonly header?: readonly string[];
  readonly body?: readonly string[];
  /** Are headers compared, too? Not those that differ from run to run. */
  readonly showsHeader?: boolean;
  /** How many messages one after the other, over the same session if it is kept. */
  readonly messages?: number;
  /** Options of sendmail(1) for DSN: `-N success,delay`, `-R hdrs`, `-V id`. */
  readonly dsn?: readonly string[];
  /** Only routing, at the real SMTP port. */
  readonly port25?: boolean;
  readonly encoding?: "7bit" | "8bit";
  /** `sendmail -bv`: find out whether the address is good, deliver nothing. */
  readonly probe?: boolean;
}

/** What of a content is compared. */
export function shownContent(scenario: Scenario, text: string): string {
  const end = text.indexOf("\r\n\r\n");
  if (scenario.showsHeader !== true) return text.slice(end + 4);
  const header = text.slice(0, end).split(/\r\n(?![ \t])/)
    .filter((line) => !/^(Received|Message-Id|Date):/i.test(line));
  return header.join("\r\n") + text.slice(end);
}

/** Addresses that only these tests use. */
export const ONE = "127.0.1.1";
export const TWO = "127.0.1.2";
export const THREE = "127.0.1.3";

export const one: Zone = {
  records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [a(ONE)] },
};
export const both: Zone = {
  records: {
    "example.test": [mx(10, "mx1.example.test"), mx(20, "mx2.example.test")],
    "mx1.example.test": [a(ONE)],
    "mx2.example.test": [a(TWO)],
  },
};
export const quickly = [
  "smtp_helo_timeout=1s",
  "smtp_mail_timeout=1s",
  "smtp_rcpt_timeout=1s",
  "smtp_data_init_timeout=1s",
]
  .concat(
    "smtp_data_xfer_timeout=1s",
    "smtp_data_done_timeout=1s",
    "smtp_rset_timeout=1s",
    "smtp_quit_timeout=1s",
  );
export const plain = { keywords: ["SIZE", "8BITMIME"] };
export const long = Array.from({ length: 20000 }, (_, at) => `line ${at} ${"x".repeat(60)}`);

/** One server, one script. */
export const against = (on: FakeServerOptions["on"], extra: FakeServerOptions = {}) => ({
  zone: one,
  servers: { [ONE]: { ...extra, ...(on === undefined ? {} : { on }) } },
});
