/** What a full queue does to the daemons: how fast mail is accepted beside the queue tools, how long a start takes. */
import type { Peer } from "./peers.ts";
import { run, type Side } from "./queue_runs.ts";
import type { Row } from "./table.ts";

const MESSAGES = 1500;

/** Milliseconds after an intake, so that what was accepted is delivered and does not weigh on the next measurement. */
export const SETTLE = 2000;

/** Messages accepted a second. */
async function intake({ peer }: Side): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command("smtp-source", {
    args: ["-m", String(MESSAGES), "-s", "20", "-l", "4096", "-f", "a@bench.example", "-t", "b@sink.example"]
      .concat(`127.0.0.1:${peer.port}`),
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${peer.name}: smtp-source failed`);
  const rate = MESSAGES / ((performance.now() - start) / 1000);
  console.error(`${peer.name}: ${rate.toFixed(0)} messages/s accepted`);
  await new Promise((done) => setTimeout(done, SETTLE));
  return rate;
}

type Rates = Map<Peer["name"], number[]>;

function noRates(sides: readonly Side[]): Rates {
  return new Map(sides.map(({ peer }) => [peer.name, []]));
}

function rateRow(name: string, rates: Rates, goal: string): Row {
  const [postfix, postel] = [rates.get("Postfix")!, rates.get("Postel")!];
  return { name, unit: "messages/s", postfix, postel, goal };
}

const HALF = "at least half of the rate with nothing else to do";

/** How fast mail is accepted, alone and while the queue is listed over and over. */
export async function intakeMeanwhile(sides: readonly Side[], rounds: number): Promise<Row[]> {
  const alone = noRates(sides);
  const meanwhile = noRates(sides);
  // The first mail after a start finds both cold: it is not measured.
  for (const side of sides) await intake(side);
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      alone.get(side.peer.name)!.push(await intake(side));
      let ended = false;
      const listing = (async () => {
        while (!ended) await run(side, side.tool("postqueue", "-p"));
      })();
      meanwhile.get(side.peer.name)!.push(await intake(side));
      ended = true;
      await listing;
    }
  }
  return [
    rateRow("intake, nothing else to do", alone, ""),
    rateRow("intake while postqueue -p runs", meanwhile, HALF),
  ];
}

/** How fast mail is accepted while everything is requeued; the daemons are to be stopped soon after. */
export async function intakeWhileRequeued(sides: readonly Side[]): Promise<Row> {
  const rates = noRates(sides);
  for (const side of sides) {
    const [rate] = await Promise.all([intake(side), run(side, side.tool("postsuper", "-r", "ALL"))]);
    rates.get(side.peer.name)!.push(rate);
  }
  return rateRow("intake while postsuper -r ALL runs", rates, HALF);
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Seconds from the start command until the port takes connections. */
async function startTime({ peer }: Side): Promise<number> {
  // The processes of a master that was stopped keep the port for a moment.
  while (await answers(peer.port)) await new Promise((done) => setTimeout(done, 50));
  const start = performance.now();
  const command = peer.start();
  let seconds = 0;
  while (seconds === 0) {
    if (await answers(peer.port)) seconds = (performance.now() - start) / 1000;
    else await new Promise((done) => setTimeout(done, 5));
  }
  await command;
  await new Promise((done) => setTimeout(done, 1500));
  return seconds;
}

/** How long a start takes with a full queue. */
export async function starts(sides: readonly Side[], rounds: number): Promise<Row[]> {
  const checked = noRates(sides);
  const quick = noRates(sides);
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      await side.peer.stop();
      checked.get(side.peer.name)!.push(await startTime(side));
      await side.peer.stop();
      // What "postfix quick-stop" leaves behind: the next start makes no checks.
      Deno.writeTextFileSync(`${side.peer.directory}/queue/quick-start`, "");
      quick.get(side.peer.name)!.push(await startTime(side));
    }
  }
  const startRow = (name: string, times: Rates): Row => ({
    name,
    unit: "s",
    postfix: times.get("Postfix")!,
    postel: times.get("Postel")!,
    goal: "Postel below 1",
  });
  return [
    startRow("postfix start with its checks until port 25 answers", checked),
    startRow("postfix start without checks until port 25 answers", quick),
  ];
}
