/** Most letters that may differ between a mistyped name and the one that was meant. */
const MOST_CHANGES = 2;

/**
 * How many letters must be put in, taken out, replaced or exchanged with their neighbour to make one text of the other; more
 * than `most` counts as more.
 */
function distance(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) return most + 1;
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const crossed = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(Math.min(
        above[column]! + 1,
        current[column - 1]! + 1,
        above[column - 1]! + (same ? 0 : 1),
        crossed ? before[column - 2]! + 1 : Infinity,
      ));
    }
    if (Math.min(...current, ...above) > most) return most + 1;
    [before, above] = [above, current];
  }
  return above[to.length]!;
}

/** The known name that was probably meant, if one is near enough. */
export function nearName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(MOST_CHANGES, Math.floor(name.length / 4)) + 1;
  for (const candidate of known) {
    const changes = distance(name, candidate, least - 1);
    if (changes < least) {
      least = changes;
      best = candidate;
    }
  }
  return best;
}
