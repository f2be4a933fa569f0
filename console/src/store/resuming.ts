// A page that is loaded anew offers the call in which it was before: by one press one listens there again.
import { computed, signal } from "@preact/signals";
import { browserLeg, calls, hello, isFilled, seat } from "./desk";
import { isObject } from "../protocol/messages";

const KEY = "mediaserver.was";
/** Milliseconds after which one has come for something else. */
const SOON_MS = 30_000;

interface Was {
  readonly call: string;
  /** The page's leg, which may be there for a while still: nobody hears by it any more. */
  readonly leg: number;
  readonly identity: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const was = signal<Was | null>(remembered());
sessionStorage.removeItem(KEY);

function remembered(): Was | null {
  try {
    const said: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    const isWas = isObject(said) && typeof said["call"] === "string" && typeof said["identity"] === "string";
    return isWas && Date.now() - Number(said["at"]) < SOON_MS ? (said as unknown as Was) : null;
  } catch {
    return null;
  }
}

/** The call to go back to; empty: there is none, or we are in one. */
export const offered = computed(() => {
  const before = was.value;
  void calls.version.value;
  const isOurs = before && isFilled.value && before.identity === hello.value?.identity && calls.live.has(before.call);
  const isFree = !seat.value || (seat.value.leg.leg === before?.leg && browserLeg.number.value !== before.leg);
  return isOurs && isFree ? before.call : "";
});

export const decline = (): void => void (was.value = null);

if (was.peek()) setTimeout(decline, SOON_MS);

/** Noted again and again, for a page that goes may have no time to. */
const NOTED_EVERY_MS = 1_000;

setInterval(() => {
  const at = seat.peek();
  const identity = hello.peek()?.identity;
  if (at && identity && at.leg.leg === browserLeg.number.peek()) {
    sessionStorage.setItem(KEY, JSON.stringify({ call: at.live.id, leg: at.leg.leg, identity, at: Date.now() }));
  } else sessionStorage.removeItem(KEY);
}, NOTED_EVERY_MS);
