/** When a load is through: nothing waits in the queue any more. */
import type { Peer } from "./peers.ts";

/** In the order in which a message moves, so that none is overlooked on its way. */
const QUEUES = ["maildrop", "deferred", "incoming", "active"];
/** Milliseconds. */
const LONGEST_WAIT = 120_000;
const PAUSE = 10;

/** Is there a file in a directory or below it? Looks no further than the first one: counting would take CPU from the peer. */
function holdsFile(directory: string): boolean {
  for (const { isDirectory, name } of Deno.readDirSync(directory)) {
    if (!isDirectory || holdsFile(`${directory}/${name}`)) return true;
  }
  return false;
}

/** Waits until no mail waits to be delivered. Throws if some still does after two minutes. */
export async function untilQueueEmpty({ name, directory }: Peer): Promise<void> {
  const deadline = performance.now() + LONGEST_WAIT;
  while (QUEUES.some((queue) => holdsFile(`${directory}/queue/${queue}`))) {
    if (performance.now() > deadline) throw new Error(`${name}: mail is stuck in the queue`);
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}
