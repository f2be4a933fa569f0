// What the board shows: a search, choices, and counts that are choices too.
import type { JSX } from "preact";
import { EVERYTHING, type SortKey } from "../store/board";
import { FLAGS, counted, type Direction, type Flag } from "../store/facts";
import { counts, filter, isFiltered, order, queues, sort, teams, total } from "../store/list";
import { Icon } from "../ui/icons";

export function Filters(): JSX.Element {
  return (
    <search class="filters">
      <label class="search">
        <Icon name="search" />
        <span class="sr">Search calls</span>
        <input id="search" type="search" placeholder="Search" value={filter.value.text} spellcheck={false}
          onInput={({ currentTarget }) => set({ text: currentTarget.value })} />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <Choose label="Team" value={filter.value.team} options={teams.value} all="All teams" chosen={(team) => set({ team })} />
      <Choose label="Queue" value={filter.value.queue} options={queues.value} all="All queues" chosen={(queue) => set({ queue })} />
      <Directions />
      <SortBy />
      <Flags />
      <span class="count number" role="status">
        {isFiltered.value && `${order.value.length} of `}{counted(total.value)}
      </span>
      {isFiltered.value && <button class="quiet small" onClick={() => (filter.value = EVERYTHING)}>Show all</button>}
    </search>
  );
}

function set(changes: Partial<typeof EVERYTHING>): void {
  filter.value = { ...filter.value, ...changes };
}

interface Choice {
  label: string;
  value: string;
  options: readonly string[];
  all: string;
  chosen: (value: string) => void;
}

function Choose({ label, value, options, all, chosen }: Choice): JSX.Element {
  return (
    <select aria-label={label} value={value} class={value ? "chosen" : ""} onChange={({ currentTarget }) => chosen(currentTarget.value)}>
      <option value="">{all}</option>
      {options.map((option) => <option key={option} value={option}>{option}</option>)}
    </select>
  );
}

const DIRECTIONS: readonly (readonly [Direction, string])[] = [["in", "Inbound"], ["out", "Outbound"], ["internal", "Internal"]];

function Directions(): JSX.Element {
  const value = filter.value.direction;
  return (
    <select aria-label="Direction" value={value} class={value ? "chosen" : ""}
      onChange={({ currentTarget }) => set({ direction: currentTarget.value as Direction | "" })}>
      <option value="">Both ways</option>
      {DIRECTIONS.map(([direction, says]) => <option key={direction} value={direction}>{says}</option>)}
    </select>
  );
}

const SORTS: readonly (readonly [SortKey, string])[] = [
  ["duration", "Longest first"], ["silence", "Most silent first"], ["crosstalk", "Most crosstalk first"], ["quality", "Worst first"], ["agent", "By agent"],
];

/** Where the columns have no heads to press: on narrow screens. */
function SortBy(): JSX.Element {
  const chosen = (by: SortKey): void => void (sort.value = { by, down: by !== "agent" && by !== "quality" });
  return (
    <select class="narrow" aria-label="Order" value={sort.value.by} onChange={({ currentTarget }) => chosen(currentTarget.value as SortKey)}>
      {SORTS.map(([by, says]) => <option key={by} value={by}>{says}</option>)}
    </select>
  );
}

function Flags(): JSX.Element {
  const shown = (Object.keys(FLAGS) as Flag[]).filter((flag) => counts.value[flag] || filter.value.flag === flag);
  return (
    <div class="flags" role="group" aria-label="Flags">
      {shown.map((flag) => (
        <button key={flag} class={`flag ${flag}`} aria-pressed={filter.value.flag === flag}
          onClick={() => set({ flag: filter.value.flag === flag ? "" : flag })}>
          {FLAGS[flag]} <span class="number">{counts.value[flag]}</span>
        </button>
      ))}
    </div>
  );
}
