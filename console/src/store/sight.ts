// Tells the server which calls are on the screen, so that it sends the meters of no others.
import { effect, signal } from "@preact/signals";
import { connection, hello, isOnline, knows, seats } from "./desk";
import { filter, order, sort, total } from "./list";
import { route } from "./route";
import { Viewing } from "./viewing";
import { wanted, type Viewed } from "./wanted";

/** The places of the board's rows that are on the screen; null: there is no board. */
export const span = signal<{ readonly from: number; readonly to: number } | null>(null);

const looked = (): Viewed => {
  const now = route.value;
  const rows = span.value && order.value.slice(span.value.from, span.value.to);
  const others = [...("call" in now ? [now.call] : []), ...seats.value.map(({ live }) => live.id)];
  return wanted({ total: total.value, sort: sort.value, filter: filter.value, rows, others });
};

const viewing = new Viewing({
  wanted: looked,
  tell: (calls) => {
    if (!isOnline.peek() || !knows("view")) return false;
    void connection.ask("view", { calls }).catch(() => viewing.forget());
    return true;
  },
  now: () => performance.now(),
  after: (ms, what) => void setTimeout(what, ms),
});

/** From now on. */
export function tellWhatIsSeen(): void {
  // A connection that is new has all meters, whatever the one before it was told.
  effect(() => {
    void hello.value;
    viewing.forget();
  });
  effect(() => {
    void hello.value;
    void isOnline.value;
    void looked();
    queueMicrotask(() => viewing.look());
  });
}
