/**
 * Compiles a filter for the addresses that DNS lists answer with: `127.0.0.2`, or with `[1;3..5]` in place of a number.
 * An empty filter takes every address. Undefined if it is not a filter.
 */
export function addressFilter(filter: string): ((address: string) => boolean) | undefined {
  if (filter === "") return () => true;
  const parts = filter.match(/\[[^\]]*\]|\d+/g);
  if (parts === null || parts.length !== 4 || parts.join(".") !== filter) return undefined;
  const tests: ((octet: number) => boolean)[] = [];
  for (const part of parts) {
    const test = octetTest(part);
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return (address) => {
    const octets = address.split(".").map(Number);
    return octets.length === 4 && tests.every((test, index) => test(octets[index]!));
  };
}

function octetTest(part: string): ((octet: number) => boolean) | undefined {
  const ranges: (readonly [number, number])[] = [];
  for (const item of part.replace(/^\[|\]$/g, "").split(";")) {
    const match = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(item);
    if (match === null) return undefined;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (from > to || to > 255) return undefined;
    ranges.push([from, to]);
  }
  return (octet) => ranges.some(([from, to]) => octet >= from && octet <= to);
}
