// One call that is over: what it was, who supervised it and when in which mode, what was noted.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Past, PastCall, PastSupervision, Stretch } from "../protocol/past";
import { hasRight, hello } from "../store/desk";
import { callerOf, campaignOf, clock, linkOf, otherMetadata, queueOf } from "../store/facts";
import { partOf, spanOf } from "../store/history";
import { close, past, read, readSoon } from "../store/past";
import { Icon } from "../ui/icons";
import { DetailList, Section } from "./card";
import { moment } from "./ended";
import { MODE_NAMES } from "./modes";
import { Notes } from "./notes";
import { Why } from "./why";

export function PastPage({ id }: { id: string }): JSX.Element {
  const greeting = hello.value;
  useEffect(() => read(id), [id, greeting]);
  useEffect(() => close, [id]);
  const { value, fault } = past.value;
  return (
    <div class="page">
      <a class="back" href="#/ended"><Icon name="back" /> Ended calls</a>
      {fault !== null && <Why fault={fault} again={() => read(id)} />}
      {value?.call.call === id ? <Kept kept={value} /> : fault === null && <p class="nothing" role="status">Asking for the call.</p>}
    </div>
  );
}

function Kept({ kept }: { kept: Past }): JSX.Element {
  const { call, supervisions, flags } = kept;
  return (
    <>
      <header class="title">
        <h1>{call.agent || call.called} <span class="dim">with</span> {callerOf(call)}</h1>
        <span class="facts">
          <time class="number" dateTime={call.started}>{moment(call.started, true)}</time>
          <span class="number">{clock(call.duration)}</span>
          {call.cause && <span class="condition">{call.cause}</span>}
          {linkOf(call) && <a href={linkOf(call)} target="_blank" rel="noopener noreferrer">More about the customer</a>}
        </span>
      </header>
      <div class="columns">
        <div>
          <Section title="Who supervised">
            {supervisions.length ? (
              <ol class="stays">{supervisions.map((one) => <Stay key={one.supervision} call={call} stay={one} />)}</ol>
            ) : <p class="dim">{hasRight("reports") || hasRight("see_listeners") ? "Nobody." : "Nobody, as far as you may see."}</p>}
          </Section>
          <Notes call={{ ...call, flags }} flagged={() => readSoon(call.call)} />
        </div>
        <div><Details call={call} /></div>
      </div>
    </>
  );
}

/** A supervisor's time in the call. */
function Stay({ call, stay }: { call: PastCall; stay: PastSupervision }): JSX.Element {
  const { begun, over } = spanOf(call, Date.now());
  const at = (moment: string | null): string => (moment === null ? (call.ended ? "unknown" : "now") : clock((Date.parse(moment) - begun) / 1000));
  const how = [`by ${stay.way.replaceAll("_", " ")}`, stay.address && `from ${stay.address}`, stay.permission && `permitted by ${stay.permission}`, stay.cause && `end: ${stay.cause}`];
  return (
    <li>
      <strong>{stay.identity}</strong> <span class="number dim">{at(stay.joined)} to {at(stay.left)}</span>
      <p class="dim">{how.filter(Boolean).join(", ")}</p>
      <div class="lane" aria-hidden="true">{stay.timeline.map((one, place) => <Bar key={place} stretch={one} begun={begun} over={over} />)}</div>
      <ul>
        {stay.timeline.map((one, place) => (
          <li key={place} class="stretch">
            <span class="number dim">{at(one.since)}</span>
            <Icon name={one.mode} />
            <span>{MODE_NAMES[one.mode]}{one.mode === "whisper" && ` to the ${one.target}`}{one.agent !== call.agent && one.agent && `, agent ${one.agent}`} <span class="dim">until {at(one.until)}</span></span>
          </li>
        ))}
      </ul>
    </li>
  );
}

function Bar({ stretch, begun, over }: { stretch: Stretch; begun: number; over: number }): JSX.Element {
  const { from, length } = partOf(stretch, begun, over);
  return <span class={stretch.mode} style={{ left: `${from * 100}%`, width: `${length * 100}%` }} />;
}

function Details({ call }: { call: PastCall }): JSX.Element {
  return (
    <DetailList said={[
      ["Caller", call.caller],
      ["Called", call.called],
      ["Agent", call.agent],
      ["Team", call.team],
      ["Queue", queueOf(call)],
      ["Campaign", campaignOf(call)],
      ["Trunk", call.trunk],
      ["Began", moment(call.started, true)],
      ["Answered", call.answered ? moment(call.answered, true) : "never"],
      ["Ended", call.ended ? moment(call.ended, true) : "it goes on"],
      ...otherMetadata(call),
      ["Call id", call.call],
    ]} />
  );
}
