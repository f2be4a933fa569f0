// The calls that are over: looked for by number, agent, team and day; a page at a time, the newest first.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { PastCall } from "../protocol/past";
import { hello, isOnline } from "../store/desk";
import { callerOf, clock, counted, queueOf } from "../store/facts";
import { ANY, type Sought } from "../store/history";
import { isFirst, listed, look, newer, older, seek, sought } from "../store/past";
import { pastLink } from "../store/route";
import { Icon } from "../ui/icons";
import { Why } from "./why";

export function Ended(): JSX.Element {
  const greeting = hello.value;
  useEffect(look, [greeting]);
  const { value, fault, isAsking } = listed.value;
  return (
    <div class="page ended">
      <h1 class="sr">Ended calls</h1>
      <Seek />
      {fault !== null && <Why fault={fault} again={look} />}
      {value && value.calls.length > 0 && <Table calls={value.calls} isOld={isAsking} />}
      <p class="dim" role="status">{isAsking ? "Asking for the calls." : value && (value.calls.length ? counted(value.calls.length) : nothing())}</p>
      {value && (
        <nav class="turn" aria-label="Pages of calls">
          <button disabled={isFirst() || isAsking || !isOnline.value} onClick={newer}>Newer</button>
          <button disabled={!value.next || isAsking || !isOnline.value} onClick={older}>Older</button>
        </nav>
      )}
    </div>
  );
}

const FIELDS: readonly (readonly [keyof Sought, string, "search" | "date"])[] = [
  ["party", "Number", "search"],
  ["agent", "Agent", "search"],
  ["team", "Team", "search"],
  ["from", "From", "date"],
  ["to", "To", "date"],
];

/** Whether nothing in particular is looked for. */
const isAny = (): boolean => Object.values(sought.value).every((value) => !value);
const nothing = (): string => (isAny() ? "No ended call is kept that you may see." : "No call that has ended is like that.");

/** Asked for when somebody says so, not at each letter. */
function Seek(): JSX.Element {
  const wanted = useSignal(sought.peek());
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    seek(wanted.peek());
  };
  const all = (): void => {
    wanted.value = ANY;
    seek(ANY);
  };
  return (
    <search>
      <form class="seek" onSubmit={submit}>
        {FIELDS.map(([name, says, type]) => (
          <label key={name}>
            <span class="dim">{says}</span>
            <input id={name === "party" ? "search" : undefined} type={type} maxLength={64} spellcheck={false} autocomplete="off" value={wanted.value[name]}
              onInput={({ currentTarget }) => (wanted.value = { ...wanted.peek(), [name]: currentTarget.value })} />
          </label>
        ))}
        <button class="solid" disabled={!isOnline.value}><Icon name="search" /> Find</button>
        {!isAny() && <button type="button" class="quiet" onClick={all}>Show all</button>}
      </form>
    </search>
  );
}

function Table({ calls, isOld }: { calls: readonly PastCall[]; isOld: boolean }): JSX.Element {
  return (
    <table class="card" aria-busy={isOld}>
      <caption class="sr">Ended calls, the newest first</caption>
      <thead>
        <tr>{["Began", "Caller", "Called", "Agent", "Team", "Queue", "Time", "Ended by"].map((head) => <th key={head} scope="col">{head}</th>)}</tr>
      </thead>
      <tbody>{calls.map((call) => <Row key={call.call} call={call} />)}</tbody>
    </table>
  );
}

function Row({ call }: { call: PastCall }): JSX.Element {
  return (
    <tr data-past={call.call}>
      <td class="number"><time dateTime={call.started}>{moment(call.started)}</time></td>
      <th scope="row"><a href={pastLink(call.call)}>{callerOf(call)}</a></th>
      <td>{call.called}</td>
      <td>{call.agent}</td>
      <td>{call.team}</td>
      <td>{queueOf(call)}</td>
      <td class="number">{clock(call.duration)}</td>
      <td>{call.cause}</td>
    </tr>
  );
}

/** As the supervisor's own clock has it. */
export const moment = (at: string, seconds = false): string => new Date(at).toLocaleString(undefined, { dateStyle: "short", timeStyle: seconds ? "medium" : "short" });
