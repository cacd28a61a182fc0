/** LMTP: servers that answer for each recipient. */
import { ONE, type Scenario } from "./scenario_testing.ts";

export const lmtpScenarios: readonly Scenario[] = [
  {
    name: "lmtp",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true } },
    recipients: ["a@example.test", "b@example.test"],
  },
  {
    name: "lmtp without dsn",
    protocol: "lmtp",
    nexthop: `inet:[${ONE}]:PORT`,
    servers: { [ONE]: { lmtp: true, keywords: ["PIPELINING"] } },
  },
  {
    name: "lmtp mixed",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: {
      [ONE]: {
        lmtp: true,
        keywords: ["PIPELINING"],
        on: {
          "RCPT TO:<b@example.test>": "550 5.1.1 no",
          ".": ["250 2.0.0 first", "452 4.2.2 full", "554 5.6.0 bad"],
        },
      },
    },
    recipients: ["a@example.test", "b@example.test", "c@example.test", "d@example.test"],
  },
  { name: "lmtp refused", protocol: "lmtp", nexthop: `inet:${ONE}:PORT` },
  {
    name: "lmtp lost at end",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true, on: { ".": ["250 2.0.0 first", { do: "close" }] } } },
    recipients: ["a@example.test", "b@example.test"],
  },
  { name: "lmtp unix", protocol: "lmtp", nexthop: "unix:SOCKET", servers: { "/": { lmtp: true } } },
  { name: "lmtp unix missing", protocol: "lmtp", nexthop: "unix:SOCKET" },
  {
    name: "lmtp lhlo refused",
    protocol: "lmtp",
    nexthop: "unix:SOCKET",
    servers: { "/": { on: { LHLO: "550 5.0.0 no" } } },
  },
  {
    name: "body checks and LMTP",
    protocol: "lmtp",
    servers: { "/": { lmtp: true } },
    nexthop: "unix:SOCKET",
    showsHeader: true,
    main: [
      "lmtp_body_checks=pcre:TESTDATA/client_checks.pcre",
      "lmtp_generic_maps=inline:{{to@example.test=t@world.test}}",
    ],
    header: ["From: from@client.test", "To: to@example.test"],
    body: ["X-Case-4: body", "X-Case-1: body"],
  },
  {
    name: "lmtp kept session",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true } },
    main: [`lmtp_connection_cache_destinations=${ONE}`],
    messages: 2,
  },
  {
    name: "lmtp all refused",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true, on: { RCPT: "550 5.1.1 no" } } },
    recipients: ["a@example.test", "b@example.test"],
  },
  {
    name: "lmtp flag final",
    protocol: "lmtp",
    nexthop: `inet:${ONE}:PORT`,
    servers: { [ONE]: { lmtp: true } },
    main: ["lmtp_assume_final=yes"],
  },
];
