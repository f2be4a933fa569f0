// What flags are called here: a supervisor takes up a word that others use, or his own. Pure.
import type { Call } from "../protocol/messages";

/** What a flag is called where nobody says anything else. */
export const LOOK = "look";
/** More are not read. */
const MOST = 6;

/** The labels on these calls, those of most flags first. */
export function labelsOf(calls: Iterable<Pick<Call, "flags">>): string[] {
  const uses = new Map<string, number>();
  for (const { flags } of calls) for (const { label } of flags ?? []) uses.set(label, (uses.get(label) ?? 0) + 1);
  return [...uses].sort(([one, some], [other, more]) => more - some || one.localeCompare(other)).slice(0, MOST).map(([label]) => label);
}
