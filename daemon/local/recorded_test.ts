/** The same scenarios that were played to real Postfix (testdata/local): logs, mailboxes, what commands saw. */
import assert from "node:assert/strict";
import { startInstance } from "../master/testing.ts";
import { scenarios } from "./scenarios/mod.ts";
import { collectFiles, isSettled, sortLog } from "./world_result_testing.ts";
import {
  buildWorld,
  type Scenario,
  scenarioLines,
  WORLD_POSSIBLE,
  type WorldFileResult,
  worldMain,
  type WorldResult,
} from "./world_testing.ts";
import { openTraffic } from "./world_traffic_testing.ts";

const answers: Record<string, WorldResult> = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/local/answers.json", import.meta.url)),
);

/** So many scenarios are played side by side: each of them mostly waits. */
const AT_ONCE = 3;

/** Plays a scenario to an instance of its own. */
async function play(scenario: Scenario): Promise<WorldResult> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
  await using traffic = await openTraffic(scenario);
  const { ports } = traffic;
  buildWorld(directory, scenario, ports);
  traffic.lockFiles(directory);
  await using instance = await startInstance({
    directory,
    processes: true,
    main: [...worldMain(directory), ...scenarioLines(scenario.main, directory, ports)],
    master: scenarioLines(scenario.master ?? [], directory, ports),
    enter: ["unshare", "-m", `${directory}/enter`],
  });
  const taken = await traffic.send(directory, instance.port, async (soFar) => {
    // One after the other: deliveries to a user may write the same file.
    for (let tries = 0; tries < 200 && !isSettled(instance.log(), soFar); tries++) {
      await new Promise((done) => setTimeout(done, 10));
    }
  });
  let quiet = 0;
  for (let tries = 0, before = ""; tries < 300 && quiet < 3; tries++) {
    await new Promise((done) => setTimeout(done, 100));
    const now = instance.log();
    quiet = now === before && isSettled(now, taken) ? quiet + 1 : 0;
    before = now;
  }
  await traffic.heard(answers[scenario.name]?.comsat?.length ?? 0);
  const files = collectFiles(directory, `/proc/${instance.pid}/root${directory}`);
  await instance.stop();
  return { ...sortLog(instance.log(), directory, ports), ...traffic.result(directory), files };
}

/** Files with the messages of each mailbox in one order, whichever came first. */
function inOrder(files: WorldResult["files"]): Record<string, WorldFileResult> {
  const result: Record<string, WorldFileResult> = {};
  const maildirs = new Map<string, WorldFileResult[]>();
  for (const [name, file] of Object.entries(files)) {
    const content = file.content?.split(/^(?=From )/m).sort().join("");
    const sorted = { ...file, ...(content === undefined ? {} : { content }) };
    const place = /^(.*\/new)\/\d+ TIME/.exec(name)?.[1];
    if (place === undefined) result[name] = sorted;
    else maildirs.set(place, [...(maildirs.get(place) ?? []), sorted]);
  }
  for (const [place, messages] of maildirs) {
    messages.sort((a, b) => (a.content ?? "") < (b.content ?? "") ? -1 : 1);
    messages.forEach((message, index) => result[`${place}/${index}`] = message);
  }
  return result;
}

/** A result line by line, for readable differences. */
function linesOf(value: unknown): string[] {
  return value === undefined
    ? ["(nothing)"]
    : JSON.stringify(value, null, 1).replaceAll("\\n", "\n").split("\n");
}

/** Plays a scenario and says where it went another way than with Postfix. */
async function differences(scenario: Scenario): Promise<string[]> {
  const ours = await play(scenario);
  const theirs = answers[scenario.name]!;
  const differs: string[] = [];
  const compare = (what: string, mine: unknown, postfix: unknown) => {
    const [is, should] = [linesOf(mine), linesOf(postfix)];
    for (const line of is) if (!should.includes(line)) differs.push(`${what}: ours: ${line}`);
    for (const line of should) if (!is.includes(line)) differs.push(`${what}: Postfix: ${line}`);
    if (differs.length === 0) assert.deepEqual(mine, postfix);
  };
  for (const name of new Set([...Object.keys(theirs.messages), ...Object.keys(ours.messages)])) {
    compare(name, ours.messages[name], theirs.messages[name]);
  }
  const [mine, postfix] = [inOrder(ours.files), inOrder(theirs.files)];
  for (const name of new Set([...Object.keys(postfix), ...Object.keys(mine)])) {
    compare(name, mine[name], postfix[name]);
  }
  for (const what of ["replies", "sent", "comsat", "warnings"] as const) {
    compare(what, ours[what], theirs[what]);
  }
  return differs;
}

for (let at = 0; at < scenarios.length; at += AT_ONCE) {
  const group = scenarios.slice(at, at + AT_ONCE);
  Deno.test({
    name: `as Postfix: ${group.map(({ name }) => name).join("; ")}`,
    ignore: !WORLD_POSSIBLE,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const outcomes = await Promise.allSettled(group.map(differences));
      const troubles = outcomes.flatMap((outcome, index) => {
        const lines = outcome.status === "rejected" ? [String(outcome.reason)] : outcome.value;
        return lines.map((line) => `${group[index]!.name}: ${line}`);
      });
      if (troubles.length > 0) throw new Error(`differs from Postfix:\n${troubles.join("\n")}`);
    },
  });
}
