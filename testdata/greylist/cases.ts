/** Delivery attempts for greylists: record.ts plays them to postgrey, the tests to ours. The same in every run. */

export interface Attempt {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly address: string;
  readonly name: string;
  readonly sender: string;
  readonly recipient: string;
  readonly instance: string;
}

/** postgrey's options beside parameters of ours that mean the same. */
export interface Setting {
  readonly postgrey: readonly string[];
  readonly postel: Readonly<Record<string, string>>;
  readonly attempts: readonly Attempt[];
}

/** Names and addresses that always pass, in the form of postgrey's files. */
export const clientFile = `# comment
friend.test
/^mx\\d+\\.farm\\.test$/
192.0.2.200
198.51.100.0/25
2001:db8:aa::/48
203.0.113
`;
export const recipientFile = `postmaster@
abuse@
open.test
joe@example.com   # joe reads everything
/^any.*@pattern\\.test$/
`;

/** A random number generator that gives the same numbers everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

const STEPS = [0, 1, 30, 200, 299, 300, 301, 400, 3599, 3600, 3700, 90000, 172800, 172801, 260000, 1000000];
const SENDERS = ["joe@a.test", "list-77-x@a.test", "list-78-x@a.test", "joe+tag@a.test", "prvs=0123456789=joe@a.test", "prvs=joe=0123456789@a.test", "Joe@A.test", "", "12@b.test"];
const RECIPIENTS = ["carl@example.com", "Carl@Example.com", "dora@example.com", "eve@other.test"];

function attempts(seed: number, count: number, addresses: readonly string[]): Attempt[] {
  const random = generator(seed);
  let time = 1_700_000_000;
  return Array.from({ length: count }, (_, index) => {
    time += STEPS[random(STEPS.length)]!;
    const address = addresses[random(addresses.length)]!;
    return {
      time,
      address,
      name: address.endsWith("9") ? "unknown" : `host${address.replace(/\W/g, "-")}.test`,
      sender: SENDERS[random(SENDERS.length)]!,
      recipient: RECIPIENTS[random(RECIPIENTS.length)]!,
      instance: `i${index - random(2)}`,
    };
  });
}

const at = (index: number, name: string, address: string, recipient = "carl@example.com"): Attempt => ({
  time: 1_700_000_000 + index,
  address,
  name,
  sender: "s@a.test",
  recipient,
  instance: `w${index}`,
});

export const settings: Readonly<Record<string, Setting>> = {
  defaults: {
    postgrey: [],
    postel: {},
    // One address a network: postgrey counts successes by address.
    attempts: attempts(3, 500, ["192.0.2.1", "198.51.100.9", "203.0.113.7", "2001:db8::1", "2001:db8:0:1::9"]),
  },
  networks: {
    postgrey: ["--auto-whitelist-clients=0", "--delay=60", "--retry-window=5h"],
    postel: { postel_greylist_auto_allow: "0", postel_greylist_delay: "60", postel_greylist_retry_window: "5h" },
    attempts: attempts(4, 400, ["192.0.2.1", "192.0.2.9", "192.0.2.254", "192.0.3.1", "2001:db8::1", "2001:db8::ffff:9", "2001:db8:0:1::1"]),
  },
  narrow: {
    postgrey: ["--auto-whitelist-clients=2", "--ipv4cidr=32", "--ipv6cidr=128"],
    postel: { postel_greylist_auto_allow: "2", postel_greylist_ipv4_prefix_length: "32", postel_greylist_ipv6_prefix_length: "128" },
    attempts: attempts(5, 400, ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]),
  },
  lists: {
    postgrey: ["--whitelist-clients=CLIENTS", "--whitelist-recipients=RECIPIENTS"],
    postel: { postel_greylist_allow_clients: "CLIENTS", postel_greylist_allow_recipients: "RECIPIENTS" },
    attempts: [
      at(0, "friend.test", "192.0.2.1"), at(1, "a.friend.test", "192.0.2.2"), at(2, "afriend.test", "192.0.2.3"), at(3, "Friend.TEST", "192.0.2.4"), at(4, "mx12.farm.test", "192.0.2.5"), at(5, "mx.farm.test", "192.0.2.6"), at(6, "x.test", "192.0.2.200"), at(7, "x.test", "198.51.100.127"), at(8, "x.test", "198.51.100.128"), at(9, "x.test", "2001:db8:aa:1::5"), at(10, "x.test", "2001:db8:ab::5"), at(11, "x.test", "203.0.113.77"),
      at(12, "unknown", "192.0.4.1", "postmaster@example.com"), at(13, "unknown", "192.0.4.1", "Abuse+x@example.com"), at(14, "unknown", "192.0.4.1", "notabuse@example.com"), at(15, "unknown", "192.0.4.1", "x@open.test"), at(16, "unknown", "192.0.4.1", "x@sub.open.test"), at(17, "unknown", "192.0.4.1", "x@reopen.test"), at(18, "unknown", "192.0.4.1", "joe@example.com"), at(19, "unknown", "192.0.4.1", "joe@sub.example.com"), at(20, "unknown", "192.0.4.1", "joe+ext@example.com"), at(21, "unknown", "192.0.4.1", "anybody@pattern.test"),
    ],
  },
};

/** What is the same in both: the action without the texts of the header, and the log line. */
export function steadyAction(action: string): string {
  return action.replace(/ by .*$/, "");
}
