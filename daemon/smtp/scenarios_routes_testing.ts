/** Which servers are found and tried, in which order. */
import { a, aaaa, cname, mx } from "../../core/dns/testing.ts";
import { both, ONE, one, type Scenario, THREE, TWO } from "./scenario_testing.ts";

export const routeScenarios: readonly Scenario[] = [
  { name: "refused", zone: one },
  { name: "first refused, second takes", zone: both, servers: { [TWO]: {} } },
  {
    name: "first says 450, second takes",
    zone: both,
    servers: { [ONE]: { on: { RCPT: "450 4.2.0 grey" } }, [TWO]: {} },
  },
  {
    name: "first says 550",
    zone: both,
    servers: { [ONE]: { on: { RCPT: "550 5.1.1 no" } }, [TWO]: {} },
  },
  {
    name: "first greets with 554",
    zone: both,
    servers: { [ONE]: { on: { greeting: "554 no" } }, [TWO]: {} },
  },
  {
    name: "first lost in mail, second says 450",
    zone: both,
    servers: { [ONE]: { on: { MAIL: { do: "close" } } }, [TWO]: { on: { MAIL: "450 4.0.0 later" } } },
  },
  {
    name: "session limit",
    zone: {
      records: {
        "example.test": [mx(10, "mx1.example.test"), mx(20, "mx2.example.test"), mx(30, "mx3.example.test")],
        "mx1.example.test": [a(ONE)],
        "mx2.example.test": [a(TWO)],
        "mx3.example.test": [a(THREE)],
      },
    },
    servers: {
      [ONE]: { on: { MAIL: "450 4.0.0 one" } },
      [TWO]: { on: { MAIL: "450 4.0.0 two" } },
      [THREE]: {},
    },
  },
  { name: "address limit", zone: both, servers: { [TWO]: {} }, main: ["smtp_mx_address_limit=1"] },
  { name: "no mx, address", zone: { records: { "example.test": [a(ONE)] } }, servers: { [ONE]: {} } },
  {
    name: "mx through an alias",
    zone: {
      records: {
        "example.test": [cname("other.test")],
        "other.test": [mx(5, "mx.other.test")],
        "mx.other.test": [a(ONE)],
      },
    },
    servers: { [ONE]: {} },
  },
  { name: "domain not found", zone: { records: {} } },
  { name: "domain without data", zone: { records: { "example.test": [mx(0, "gone.test")] } } },
  {
    name: "domain without any record",
    zone: { records: { "example.test": [{ type: "TXT", data: ["x"] }] } },
  },
  { name: "null mx", zone: { records: { "example.test": [mx(0, ".")] } } },
  { name: "mx servfail", zone: { records: {}, faults: { "mx example.test": "SERVFAIL" } } },
  {
    name: "mx servfail ignored",
    zone: { records: { "example.test": [a(ONE)] }, faults: { "mx example.test": "SERVFAIL" } },
    servers: { [ONE]: {} },
    main: ["ignore_mx_lookup_error=yes"],
  },
  { name: "mx refused", zone: { records: {}, faults: { "mx example.test": "REFUSED" } } },
  { name: "mx formerr", zone: { records: {}, faults: { "mx example.test": "FORMERR" } } },
  { name: "mx times out", zone: { records: {}, faults: { "mx example.test": "silent" } } },
  { name: "mx garbage", zone: { records: {}, faults: { "mx example.test": "garbage" } } },
  {
    name: "address servfail",
    zone: {
      records: { "example.test": [mx(5, "mx1.example.test")] },
      faults: { "mx1.example.test": "SERVFAIL" },
    },
  },
  {
    name: "mx without address deferred",
    zone: { records: { "example.test": [mx(5, "gone.test")] } },
    main: ["smtp_defer_if_no_mx_address_found=yes"],
  },
  {
    name: "one mx with, one without address",
    zone: {
      records: {
        "example.test": [mx(5, "gone.test"), mx(10, "mx1.example.test")],
        "mx1.example.test": [a(ONE)],
      },
    },
    servers: { [ONE]: {} },
  },
  {
    name: "mx loops",
    zone: { records: { "example.test": [mx(5, "self.test")], "self.test": [a("127.0.0.9")] } },
    port25: true,
  },
  {
    name: "backup mx loops",
    zone: {
      records: { "example.test": [mx(5, "mx9.test"), mx(10, "self.test")], "self.test": [a("127.0.0.9")] },
    },
    port25: true,
  },
  { name: "host loops", zone: { records: { "example.test": [a("127.0.0.9")] } }, port25: true },
  { name: "literal loops", nexthop: "[127.0.0.9]", port25: true },
  {
    name: "relayhost not found",
    zone: { records: {} },
    main: ["relayhost=[nowhere.test]"],
    nexthop: "[nowhere.test]",
  },
  { name: "nexthop literal", servers: { [ONE]: {} }, nexthop: `[${ONE}]:PORT` },
  { name: "nexthop list", servers: { [TWO]: {} }, nexthop: `[${ONE}]:PORT, [${TWO}]:PORT` },
  {
    name: "fallback relay",
    zone: one,
    servers: { [TWO]: {} },
    main: [`smtp_fallback_relay=[${TWO}]:PORT`],
  },
  {
    name: "fallback relay refuses",
    zone: one,
    servers: { [TWO]: { on: { RCPT: "550 5.1.1 not here" } } },
    main: [`smtp_fallback_relay=[${TWO}]:PORT`],
  },
  { name: "fallback relay not found", zone: one, main: ["smtp_fallback_relay=[nowhere.test]"] },
  {
    name: "native lookup not found",
    zone: { records: {} },
    main: ["smtp_host_lookup=native"],
    nexthop: "[nowhere.test]",
  },
  {
    name: "dns disabled",
    zone: { records: { "example.test": [a(ONE)] } },
    servers: { [ONE]: {} },
    main: ["smtp_dns_support_level=disabled"],
  },
  { name: "bad host name", zone: one, nexthop: "[bad..name]" },
  {
    name: "soft bounce",
    zone: both,
    servers: { [ONE]: { on: { RCPT: "550 5.1.1 no" } }, [TWO]: {} },
    main: ["soft_bounce=yes"],
  },
  {
    name: "host with two addresses",
    zone: { records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [a(ONE), a(ONE)] } },
    servers: { [ONE]: { on: { RCPT: "450 4.0.0 no" } } },
  },
  {
    name: "relayhost loops",
    main: ["relayhost=[127.0.0.9]"],
    nexthop: "[127.0.0.9]",
    port25: true,
  },
  { name: "proxy loops", nexthop: "[127.0.0.8]", main: ["proxy_interfaces=127.0.0.8"], port25: true },
  {
    name: "fallback relay after refusal for now",
    zone: one,
    servers: { [ONE]: { on: { RCPT: "450 4.2.0 later" } }, [TWO]: {} },
    main: [`smtp_fallback_relay=[${TWO}]:PORT`],
  },

  { name: "ipv6 literal", nexthop: "[ipv6:::1]:PORT", servers: { "::1": {} }, main: ["inet_protocols=all"] },
  { name: "ipv6 literal refused", nexthop: "[ipv6:::1]:PORT", main: ["inet_protocols=all"] },
  {
    name: "ipv6 preferred",
    zone: {
      records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [a(ONE), aaaa("::1")] },
    },
    servers: { "::1": { on: { RCPT: "450 4.0.0 six" } } },
    main: ["inet_protocols=all", "smtp_address_preference=ipv6"],
  },
  {
    name: "ipv4 preferred",
    zone: {
      records: { "example.test": [mx(10, "mx1.example.test")], "mx1.example.test": [aaaa("::1"), a(ONE)] },
    },
    servers: { "::1": { on: { RCPT: "450 4.0.0 six" } } },
    main: ["inet_protocols=all", "smtp_address_preference=ipv4"],
  },
  { name: "not found in both protocols", zone: { records: {} }, main: ["inet_protocols=all"] },
  {
    name: "no data in both protocols",
    zone: { records: { "example.test": [mx(0, "gone.test")], "gone.test": [{ type: "TXT", data: ["x"] }] } },
    main: ["inet_protocols=all"],
  },
  {
    name: "one protocol not found, one servfail",
    zone: {
      records: { "example.test": [mx(0, "gone.test")] },
      faults: { "a gone.test": "SERVFAIL" },
    },
    main: ["inet_protocols=all"],
  },
  { name: "nexthop literal of the other protocol", nexthop: "[ipv6:::1]:PORT" },
  {
    name: "dns filter removes the best mx",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: [
      "smtp_dns_reply_filter=regexp:{{/^example\\.test\\. 300 IN MX 10 mx1\\.example\\.test\\.$$/ ignore}}",
    ],
  },
  {
    name: "dns filter removes every mx",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/ MX / IGNORE}}"],
  },
  {
    name: "dns filter removes an address",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/^mx1\\.example\\.test\\. 300 IN A 127\\.0\\.1\\.1$$/ IGNORE}}"],
  },
  {
    name: "dns filter removes all addresses",
    zone: both,
    servers: { [ONE]: {}, [TWO]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/ A / IGNORE}}"],
  },
  {
    name: "dns filter with an unknown action",
    zone: one,
    servers: { [ONE]: {} },
    main: ["smtp_dns_reply_filter=regexp:{{/ MX / REJECT}}"],
  },
  { name: "dns filter is broken", zone: one, servers: { [ONE]: {} }, main: ["smtp_dns_reply_filter=fail:x"] },
  {
    name: "dns filter and lmtp",
    protocol: "lmtp",
    nexthop: "inet:mx1.example.test:PORT",
    zone: both,
    servers: { [ONE]: { lmtp: true } },
    main: ["lmtp_dns_reply_filter=regexp:{{/ A / IGNORE}}", "lmtp_host_lookup=dns"],
  },
];
