// The live board: every call, filtered and sorted; only rows near the screen are in the page.
import type { JSX } from "preact";
import type { SortKey } from "../store/board";
import { calls, isFilled, isOnline } from "../store/desk";
import { isFiltered, order, sort, total } from "../store/list";
import { span } from "../store/sight";
import { Rows } from "../ui/rows";
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
        <Rows items={order.value} wide={ROW} narrow={NARROW_ROW} nothing={<Nothing />} seen={(rows) => (span.value = rows)} row={(id, place, height) => {
          const live = calls.live.get(id);
          return live && <Row key={id} live={live} place={place} height={height} />;
        }} />
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
      {by === "crosstalk" && <span class="dim" title="The part of the minute in which both speak">Crosstalk</span>}
    </span>
  );
}

function Nothing(): JSX.Element {
  if (!isFilled.value) return <>Asking for the calls.</>;
  if (total.value && isFiltered.value) return <>No call is like that.</>;
  if (!isOnline.value) return <>There were no calls when the connection was interrupted. New ones appear here when it is back.</>;
  return <>No calls now. They appear here as they come.</>;
}
