/** Plays the scenarios to this client and compares with what real Postfix did (testdata/smtp/answers.json). */
import assert from "node:assert/strict";
import { startNameServer } from "../../core/dns/testing.ts";
import { type BounceService, DeliveryFlag, SendOption } from "../delivery/types.ts";
import { createRecorder } from "../delivery/mod.ts";
import { makeBench, makeRequest } from "./double_testing.ts";
import { type Scenario, scenarios, shownContent } from "./scenarios_testing.ts";
import { type FakeServer, startFakeServer } from "./testing.ts";
import answers from "../../testdata/smtp/answers.json" with { type: "json" };

interface Answer {
  readonly log: readonly string[];
  readonly sessions: readonly {
    readonly at: string;
    readonly commands: readonly string[];
    readonly bodies: readonly string[];
  }[];
}

const hasIpv6 = Deno.networkInterfaces().some((each) => each.address === "::1");

/** Type of an original recipient as cleanup(8) makes it up. */
function addressType(address: string): string {
  return isAscii(address) ? "rfc822" : "utf-8";
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- the ASCII range
  return /^[\x00-\x7f]*$/.test(text);
}

/** Bounces go nowhere; that they were asked for shows in the log line. */
const silentBounces: BounceService = {
  append: () => Promise.resolve(),
  flush: () => Promise.resolve(),
  warn: () => Promise.resolve(),
  one: () => Promise.resolve(),
};

/** A port that is free on every address of the scenario, with servers on those that have one. */
function startServers(scenario: Scenario, socket: string): { servers: FakeServer[]; port: number } {
  const probe = Deno.listen({ hostname: "127.0.1.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const servers = Object.entries(scenario.servers ?? {}).map(([address, options]) =>
    startFakeServer({ ...options, ...(address === "/" ? { path: socket } : { hostname: address, port }) })
  );
  return { servers, port };
}

/** What sendmail(1)'s options put into the envelope. */
function dsnOf(scenario: Scenario) {
  const option = (name: string) => {
    const at = scenario.dsn?.indexOf(name) ?? -1;
    return at < 0 ? "" : scenario.dsn![at + 1]!;
  };
  const bits: Record<string, number> = { never: 1, success: 2, failure: 4, delay: 8 };
  const notify = option("-N").split(",").reduce((sum, word) => sum | (bits[word] ?? 0), 0);
  const returnFlags = { full: 1, hdrs: 2, "": 0 }[option("-R")] ?? 0;
  return { notify, request: { envelopeId: option("-V"), returnFlags } };
}

function keepsSessions(scenario: Scenario): boolean {
  return scenario.messages !== undefined;
}

/** Waits until the servers have seen the end of every session. */
async function ended(servers: readonly FakeServer[]): Promise<void> {
  for (let waited = 0; waited < 300; waited++) {
    if (servers.every((server) => server.sessions.every((session) => session.ended))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * What is compared: Postfix's log cuts long lines, sizes depend on headers that it adds, and it probes kept sessions with
 * RSET where this client has watched them all the time.
 */
function comparable(answer: Answer, scenario: Scenario): Answer {
  const log = answer.log.map((line) => line.slice(0, 1500).replace(/message size \d+/, "message size N"));
  const sessions = answer.sessions.map((session) => ({
    ...session,
    commands: session.commands.filter((line) => !keepsSessions(scenario) || line !== "RSET"),
  }));
  return { log, sessions };
}

/**
 * Where the log must differ: Postfix's client dies of such a next hop, and its queue manager defers the mail; what
 * tables say of themselves is not in this log.
 */
const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  "header checks out of order": [
    "warning: Q: smtp header checks lookup error",
    "Q: to=<to@example.test>, relay=mx1.example.test[127.0.1.1]:PORT, dsn=4.3.0, status=deferred (local data error while talking to mx1.example.test[127.0.1.1])",
  ],
  "bad host name": [
    "warning: valid hostname or network address required in server description: [bad..name]",
    "Q: to=<to@example.test>, relay=none, dsn=4.3.5, status=deferred (Server configuration error)",
  ],
};

async function play(scenario: Scenario): Promise<Answer> {
  const directory = await Deno.makeTempDir();
  const socket = `${directory}/lmtp.sock`;
  const { servers, port } = startServers(scenario, socket);
  const names = startNameServer(scenario.zone ?? { records: {} });
  const protocol = scenario.protocol ?? "smtp";
  const testdata = new URL("../../testdata/smtp", import.meta.url).pathname;
  const fill = (text: string) =>
    text.replaceAll("PORT", String(port)).replaceAll("SOCKET", socket).replaceAll("TESTDATA", testdata);
  const main = [
    ...(scenario.port25 ? [] : [`smtp_tcp_port=${port}`]),
    ...(scenario.main ?? []).map(fill),
    "delay_logging_resolution_limit=0",
  ];
  const bench = makeBench({
    main: main.join("\n"),
    protocol,
    nameServer: names.address,
    recorder: (deps) => createRecorder({ ...deps, bounce: silentBounces }),
  });
  const ids: string[] = [];
  try {
    for (let number = 0; number < (scenario.messages ?? 1); number++) {
      const { notify, request } = dsnOf(scenario);
      const message = await makeRequest(bench.queue, {
        nexthop: fill(scenario.nexthop ?? "example.test"),
        sender: (scenario.sender ?? "from@client.test").replaceAll('"', ""),
        recipients: (scenario.recipients ?? ["to@example.test"])
          .map((quoted) => quoted.replaceAll('"', ""))
          .map((address) => ({ address, notify, dsnOriginal: `${addressType(address)};${address}` })),
        lines: ["Subject: test", ...(scenario.header ?? []), "", ...(scenario.body ?? ["Hello", ".dot"])],
        request: {
          encoding: scenario.encoding ?? "",
          sendopts: isAscii(`${scenario.sender} ${scenario.recipients}`) ? 0 : SendOption.Smtputf8,
          ...request,
        },
        ...(scenario.probe ? { flags: DeliveryFlag.ProbeUser } : {}),
      });
      ids.push(message.queueId);
      await bench.client.deliver(message);
    }
    if (!keepsSessions(scenario)) await ended(servers);
    const sessions = servers.flatMap((server, at) =>
      server.sessions.map((session) => ({
        at: Object.keys(scenario.servers!)[at] === "/" ? "SOCKET" : server.hostname,
        commands: session.commands.map((line) => line.replace(/ SIZE=\d+/, " SIZE=N")),
        bodies: session.messages.map((text) => shownContent(scenario, text))
          .map((text) => text.length > 10000 ? `${text.length} octets` : text),
      }))
    );
    const log = bench.lines().map((line) =>
      ids.reduce((text, id) => text.replace(`${id}: `, "Q: "), line)
        // deno-lint-ignore no-control-regex -- as the log prints them
        .replace(/[\x00-\x1f]/g, "?")
        .replace(/ delay=[^ ]*, delays=[^ ]*,/, "")
        .replaceAll(`]:${scenario.port25 ? 25 : port}`, "]:PORT")
        .replaceAll(socket, "SOCKET")
    );
    return { log, sessions };
  } finally {
    await bench[Symbol.asyncDispose]();
    for (const server of servers) await server.close();
    await names.close();
    await Deno.remove(directory, { recursive: true });
  }
}

for (const scenario of scenarios) {
  const expected = (answers as Record<string, Answer>)[scenario.name];
  Deno.test({
    name: `like Postfix: ${scenario.name}`,
    ignore: expected === undefined || (!hasIpv6 && scenario.name.includes("ipv")),
    async fn() {
      const log = DIFFERENT[scenario.name] ?? expected!.log;
      assert.deepEqual(
        comparable(await play(scenario), scenario),
        comparable({ ...expected!, log }, scenario),
      );
    },
  });
}
