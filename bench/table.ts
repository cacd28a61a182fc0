/** The result table: minimum, median and maximum of each peer, and the ratio of the medians. */

export interface Row {
  readonly name: string;
  readonly unit: string;
  /** One value a round; empty where the peer has nothing to compare. */
  readonly postfix: readonly number[];
  readonly postel: readonly number[];
  readonly goal: string;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function number(value: number): string {
  if (value >= 10) return value.toFixed(value >= 100 ? 0 : 1);
  return value.toFixed(value > 0 && value < 0.1 ? 3 : 2);
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return "";
  return `${number(Math.min(...values))} / ${number(median(values))} / ${number(Math.max(...values))}`;
}

/** The rows as a Markdown table. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ratio = row.postfix.length === 0 ? "" : (median(row.postel) / median(row.postfix)).toFixed(2);
    return `| ${row.name} | ${row.unit} | ${spread(row.postfix)} | ${
      spread(row.postel)
    } | ${ratio} | ${row.goal} |`;
  });
  return [
    "| what | unit | Postfix min / median / max | Postel min / median / max | ratio | goal |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

/** The page around it. @param directory where the spools were, if not in the usual place */
export function format(text: string, rounds: number, directory?: string): string {
  const where = directory === undefined ? "" : ` --directory ${directory}`;
  return `# Benchmark

Made by \`deno task bench --rounds ${rounds}${where} --write\`: Postfix 3.7.11 (Debian) and Postel with the same main.cf, both as
root with privilege separation, on the same disk, in one run and in turn. Loads come from \`smtp-source\`, \`smtp-sink\`
takes the mail. A rate counts from the first connection to the last message at the sink; CPU is that of all processes
of a mail system. Both have relayed 10,000 messages before anything is counted. The ratio is Postel's median to Postfix's.

On an ext4 file system without a journal a new file is expensive where many were deleted in the last minutes; Postel avoids
such places there. \`results.md\` was measured on one, \`results-elsewhere.md\` on ext4 with its journal (\`mkfs.ext4\` on a
file, mounted with \`-o loop\`).

${text}
`;
}
