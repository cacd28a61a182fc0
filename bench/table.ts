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
