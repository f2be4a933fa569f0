// Which rows of a long list are on the screen. Pure.

export interface Span {
  readonly from: number;
  /** One after the last. */
  readonly to: number;
}

/** Rows that are kept beyond the edges, so that a quick scroll shows no hole. */
const BEYOND = 4;

export function visible(top: number, height: number, rowHeight: number, rows: number): Span {
  const from = Math.max(0, Math.min(rows, Math.floor(top / rowHeight) - BEYOND));
  const to = Math.max(from, Math.min(rows, Math.ceil((top + height) / rowHeight) + BEYOND));
  return { from, to };
}
