// The live board: every call, filtered and sorted; only rows near the screen are in the page.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { SortKey } from "../store/board";
import { calls, isFilled } from "../store/desk";
import { isFiltered, order, sort, total } from "../store/list";
import { visible } from "../ui/window";
import { Filters } from "./filters";
import { Row } from "./row";

const HEADS: readonly (readonly [SortKey, string])[] = [
  ["caller", "Customer"],
  ["agent", "Agent"],
  ["team", "Team"],
  ["queue", "Queue"],
  ["campaign", "Campaign"],
  ["duration", "Time"],
  ["crosstalk", "Talk, last minute"],
  ["silence", "Silence"],
  ["quality", "Quality"],
  ["supervisors", "Supervisors"],
];
const NARROW = matchMedia("(max-width: 760px)");
const ROW = 44;
const NARROW_ROW = 108;

export function Board(): JSX.Element {
  return (
    <div class="board">
      <h1 class="sr">Calls</h1>
      <Filters />
      <div class="table" role="table" aria-label="Live calls" aria-rowcount={order.value.length + 1}>
        <div class="heads" role="rowgroup">
          <div class="cells" role="row" aria-rowindex={1}>
            {HEADS.map(([by, says]) => <Head key={by} by={by}>{says}</Head>)}
            <span role="columnheader"><span class="sr">Listen</span></span>
          </div>
        </div>
        <Rows />
      </div>
    </div>
  );
}

function Head({ by, children }: { by: SortKey; children: string }): JSX.Element {
  const { by: now, down } = sort.value;
  const isBy = now === by;
  const turn = (): void => void (sort.value = { by, down: isBy ? !down : by === "duration" || by === "silence" || by === "supervisors" || by === "crosstalk" });
  return (
    <span role="columnheader" class={`head ${by}`} aria-sort={isBy ? (down ? "descending" : "ascending") : "none"}>
      <button onClick={turn}>{children}<span class="arrow" aria-hidden="true">{isBy ? (down ? "↓" : "↑") : ""}</span></button>
    </span>
  );
}

function Rows(): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const span = useSignal({ from: 0, to: 0 });
  const height = useSignal(NARROW.matches ? NARROW_ROW : ROW);
  const ids = order.value;
  const look = (): void => {
    const { scrollTop, clientHeight } = place.current!;
    const next = visible(scrollTop, clientHeight, height.peek(), order.peek().length);
    if (next.from !== span.peek().from || next.to !== span.peek().to) span.value = next;
  };
  useEffect(() => {
    const changed = (): void => {
      height.value = NARROW.matches ? NARROW_ROW : ROW;
      look();
    };
    const watcher = new ResizeObserver(changed);
    watcher.observe(place.current!);
    NARROW.addEventListener("change", changed);
    return () => {
      watcher.disconnect();
      NARROW.removeEventListener("change", changed);
    };
  }, []);
  useEffect(look, [ids.length]);
  const shown = ids.slice(span.value.from, span.value.to);
  return (
    <div ref={place} class="rows" onScroll={look}>
      <div class="span" role="rowgroup" style={{ height: `${ids.length * height.value}px` }}>
        {!ids.length && <div role="row"><p role="cell" class="nothing"><Nothing /></p></div>}
        {shown.map((id, index) => {
          const live = calls.live.get(id);
          return live && <Row key={id} live={live} place={span.value.from + index} height={height.value} />;
        })}
      </div>
    </div>
  );
}

function Nothing(): JSX.Element {
  if (!isFilled.value) return <>Asking for the calls.</>;
  if (total.value && isFiltered.value) return <>No call is like that.</>;
  return <>No calls now. They appear here as they come.</>;
}
