/** A terminal that tells no size: a serial line, a pipe with a terminal's manners. */
const USUAL = { columns: 80, rows: 24 };

/** Columns and rows of the terminal. */
export function terminalSize(): { columns: number; rows: number } {
  const { columns, rows } = Deno.consoleSize();
  return { columns: columns || USUAL.columns, rows: rows || USUAL.rows };
}
