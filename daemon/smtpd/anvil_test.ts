/** Limits per client, and what anvil(8) reports of them, beside a real Postfix 3.7.11 (testdata/smtpd/anvil.json). */
import assert from "node:assert/strict";
import { base, play, scenarios, statistics, steadyLine } from "../../testdata/smtpd/anvil_cases.ts";
import { configFromText } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { createAnvil } from "../anvil/mod.ts";
import { startSmtpd } from "./testing.ts";

interface Recorded {
  readonly answers: readonly string[];
  readonly log: readonly string[];
  readonly statistics: readonly string[];
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/smtpd/anvil.json", import.meta.url)),
) as Record<string, Recorded>;

/** The service of the recording is named by its address and port. */
const named = (line: string) => line.replace(/for \(smtp:/, "for (SERVICE:");

for (const [name, { settings, steps }] of Object.entries(scenarios)) {
  Deno.test(`clients are limited as by Postfix: ${name}`, async () => {
    const server = startSmtpd({ ...base, ...settings, mail_name: "Postfix" });
    const answers = await play(server.port, steps);
    await server.idle();
    const log = server.sink.lines().map(steadyLine);
    await server.close();
    const reports = server.sink.lines().map(statistics).filter((line) => line !== undefined).map(named);
    const expected = recorded[name]!;
    assert.deepEqual(answers, expected.answers);
    // Sessions end side by side: their last lines may change places.
    assert.deepEqual(log.toSorted(), [...expected.log].sort());
    assert.deepEqual(reports, expected.statistics);
  });
}

Deno.test("clients are counted by network, and forgotten when the time unit is over", () => {
  const config = configFromText(
    "smtpd_client_ipv4_prefix_length = 24\nsmtpd_client_ipv6_prefix_length = 64\nanvil_rate_time_unit = 60s\n",
  );
  const sink = memorySink();
  const clock = { now: 1_700_000_000_000 };
  const anvil = createAnvil({ config, log: new Logger(sink, "postfix/anvil"), now: () => clock.now });
  assert.deepEqual(anvil.connect("smtp", "192.0.2.1"), { count: 1, rate: 1 });
  assert.deepEqual(anvil.connect("smtp", "192.0.2.200"), { count: 2, rate: 2 });
  assert.deepEqual(anvil.connect("smtp", "192.0.3.1"), { count: 1, rate: 1 });
  assert.deepEqual(anvil.connect("submission", "192.0.2.1"), { count: 1, rate: 1 });
  assert.deepEqual(anvil.connect("smtp", "2001:db8::1"), { count: 1, rate: 1 });
  assert.deepEqual(anvil.connect("smtp", "2001:db8:0:0:ffff::1"), { count: 2, rate: 2 });
  assert.deepEqual(anvil.connect("smtp", "2001:db8:0:1::1"), { count: 1, rate: 1 });
  anvil.disconnect("smtp", "192.0.2.77");
  assert.equal(anvil.message("smtp", "192.0.2.3"), 1);
  assert.equal(anvil.recipient("smtp", "192.0.2.4"), 1);
  assert.equal(anvil.newtls("smtp", "192.0.2.5"), 1);
  assert.equal(anvil.newtlsRate("smtp", "192.0.2.6"), 1);
  assert.equal(anvil.auth("smtp", "192.0.2.7"), 1);
  clock.now += 60_000;
  assert.deepEqual(anvil.connect("smtp", "192.0.2.9"), { count: 2, rate: 1 });
  assert.equal(anvil.message("smtp", "192.0.2.3"), 1);
  anvil.close();
  const lines = sink.lines().map((line) => line.replace(/ at \w{3} .*/, ""));
  assert.deepEqual(lines, [
    "statistics: max connection rate 2/60s for (smtp:192.0.2.0/24)",
    "statistics: max connection count 2 for (smtp:192.0.2.0/24)",
    "statistics: max message rate 1/60s for (smtp:192.0.2.0/24)",
    "statistics: max recipient rate 1/60s for (smtp:192.0.2.0/24)",
    "statistics: max newtls rate 1/60s for (smtp:192.0.2.0/24)",
    "statistics: max auth rate 1/60s for (smtp:192.0.2.0/24)",
    "statistics: max cache size 5",
  ]);
});
