// What the meters are wanted of. Pure.
import type { Filter, Sort } from "./board";

/** As many calls as one may name. */
export const MOST_VIEWED = 500;
/** A board with no more calls has the meters of all: its counts of silence and crosstalk are then of every call. */
export const FEW = 200;

/** The ids of calls; null: all that there are. */
export type Viewed = readonly string[] | null;

/** What one looks at. */
export interface Sight {
  readonly total: number;
  readonly sort: Sort;
  readonly filter: Filter;
  /** The rows on the screen; null: the page shows no board. */
  readonly rows: readonly string[] | null;
  /** The call of the page, and those that we are in. */
  readonly others: readonly string[];
}

/** What only meters tell: to sort by, and as flags. */
const MEASURED: ReadonlySet<string> = new Set(["silence", "crosstalk", "quality"]);

export function wanted({ total, sort, filter, rows, others }: Sight): Viewed {
  const isByMeters = rows !== null && (MEASURED.has(sort.by) || MEASURED.has(filter.flag));
  if (total <= FEW || isByMeters) return null;
  return [...new Set([...others, ...(rows ?? [])])];
}
