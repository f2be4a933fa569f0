// The board's list: which calls, in what order. Made anew at most so many times a second, however much happens.
import { computed, effect, signal } from "@preact/signals";
import { EVERYTHING, arrange, choices, type Filter, type Sort } from "./board";
import { calls } from "./desk";
import { flagsOf, queueOf, type Flag } from "./facts";

/** Milliseconds between two arrangements at least: rows that hop are not read. */
const REST_MS = 250;
/** And how often what is measured (silence, quality, time) is looked at. */
const MEASURE_MS = 1_000;

const NONE: Readonly<Record<Flag, number>> = { help: 0, flagged: 0, silence: 0, crosstalk: 0, quality: 0, held: 0, supervised: 0, private: 0 };

export const filter = signal<Filter>(EVERYTHING);
export const sort = signal<Sort>({ by: "duration", down: true });
export const order = signal<readonly string[]>([]);
export const counts = signal<Readonly<Record<Flag, number>>>(NONE);
export const total = signal(0);
export const teams = signal<readonly string[]>([]);
export const queues = signal<readonly string[]>([]);

export const isFiltered = computed(() => filter.value !== EVERYTHING && Object.values(filter.value).some(Boolean));

let timer: ReturnType<typeof setTimeout> | null = null;
let arrangedAt = -Infinity;

function arrangeNow(): void {
  timer = null;
  arrangedAt = performance.now();
  const live = calls.live.values();
  const next = arrange(live, filter.peek(), sort.peek(), arrangedAt);
  if (!isSame(next, order.peek())) order.value = next;
  total.value = calls.live.size;
  teams.value = steady(teams.peek(), choices(calls.live.values(), (call) => call.team));
  queues.value = steady(queues.peek(), choices(calls.live.values(), queueOf));
}

function count(): void {
  const now = performance.now();
  const next: Record<Flag, number> = { ...NONE };
  for (const { call, talk } of calls.live.values()) for (const flag of flagsOf(call, talk, now)) next[flag]++;
  if (JSON.stringify(next) !== JSON.stringify(counts.peek())) counts.value = next;
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index]);

const steady = (old: readonly string[], now: readonly string[]): readonly string[] => (isSame(old, now) ? old : now);

function soon(): void {
  timer ??= setTimeout(arrangeNow, Math.max(0, arrangedAt + REST_MS - performance.now()));
}

effect(() => {
  void calls.version.value;
  soon();
});
// What the user asked for is seen at once.
effect(() => {
  void filter.value;
  void sort.value;
  arrangeNow();
});
setInterval(() => {
  if (document.hidden) return;
  count();
  soon();
}, MEASURE_MS);
