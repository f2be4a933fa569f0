// One call on the board. Its texts follow its signal; its meters are painted.
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { supervise, underWay } from "../store/acting";
import type { Call } from "../protocol/messages";
import type { LiveCall } from "../store/calls";
import { hello, isOnline, mayBe } from "../store/desk";
import { LONG_SILENCE, MUCH_CROSSTALK, campaignOf, clock, customerOf, directionOf, durationOf, gradeOf, mosOf, numberOf, queueOf, supervisors, type Direction } from "../store/facts";
import { callLink } from "../store/route";
import { COLUMNS, COLUMN_MS } from "../store/talk";
import { Icon } from "../ui/icons";
import { onPaint, stretch } from "../ui/painter";
import { drawStrip } from "../ui/strip";
import { Chip } from "./modes";
import { write } from "./seconds";

const WAYS: Readonly<Record<Direction, string>> = { in: "inbound", out: "outbound", internal: "internal" };
/** A silence that is shorter is a pause. */
const PAUSE = 3;

interface Given {
  live: LiveCall;
  place: number;
  height: number;
}

export const Row = memo(function Row({ live, place, height }: Given): JSX.Element {
  const call = live.said.value;
  const direction = directionOf(call);
  const me = hello.value?.identity;
  const mine = supervisors(call).find((leg) => leg.identity === me);
  return (
    <div class={`row cells ${mine ? "mine" : ""} ${call.state}`} role="row" aria-rowindex={place + 2} data-call={call.call}
      style={{ transform: `translateY(${place * height}px)`, height: `${height}px` }}>
      <span role="cell" class="customer">
        <span class="way" title={WAYS[direction]}><Icon name={direction} /><span class="sr">{WAYS[direction]}</span></span>
        <a href={callLink(call.call)} title={numberOf(call)}>{customerOf(call)}</a>
      </span>
      <span role="cell" class="agent">{call.agent || <span class="dim">{call.called}</span>}</span>
      <span role="cell" class="team dim">{call.team}</span>
      <span role="cell" class="queue dim">{queueOf(call)}</span>
      <span role="cell" class="campaign dim">{campaignOf(call)}</span>
      <Meters live={live} />
      <span role="cell" class="supervisors">
        {supervisors(call).map((leg) => <Chip key={leg.leg} leg={leg} isMine={leg.identity === me} />)}
      </span>
      <span role="cell" class="act">{!mine && !call.private && mayBe("listen") && <Listen call={call} />}</span>
    </div>
  );
});

export function Listen({ call }: { call: Call }): JSX.Element {
  const isBusy = underWay.value.has(`supervise:${call.call}:listen`);
  return (
    <button class="small" aria-busy={isBusy} disabled={!isOnline.value} onClick={() => void supervise(call.call, "listen")}>
      <Icon name="listen" /> Listen<span class="sr"> to {call.agent || call.called}</span>
    </button>
  );
}

const STATES: Readonly<Record<string, string>> = { routing: "Routing", ringing: "Ringing", held: "On hold" };

function Meters({ live }: { live: LiveCall }): JSX.Element {
  const time = useRef<HTMLSpanElement>(null);
  const customer = useRef<HTMLSpanElement>(null);
  const agent = useRef<HTMLSpanElement>(null);
  const strip = useRef<HTMLCanvasElement>(null);
  const crosstalk = useRef<HTMLSpanElement>(null);
  const silence = useRef<HTMLSpanElement>(null);
  const quality = useRef<HTMLSpanElement>(null);
  const drawn = useRef(-1);
  useEffect(() => {
    drawn.current = -1;
    return onPaint((now) => {
      const { call, talk } = live;
      const isStale = talk.isStale(now);
      stretch(customer.current, isStale ? 0 : talk.customer);
      stretch(agent.current, isStale ? 0 : talk.agent);
      const column = Math.floor(now / COLUMN_MS);
      if (column === drawn.current) return;
      drawn.current = column;
      write(time.current, clock(durationOf(call, live.receivedAt, now)));
      const quiet = talk.silence(now);
      write(silence.current, call.state === "answered" && quiet >= PAUSE ? clock(quiet) : "");
      mark(silence.current, quiet >= LONG_SILENCE ? "poor" : quiet >= LONG_SILENCE / 2 ? "fair" : "");
      const both = Math.round(talk.shares(now).both * 100);
      write(crosstalk.current, both ? `${both} %` : "");
      mark(crosstalk.current, both >= MUCH_CROSSTALK * 100 ? "fair" : "");
      const mos = talk.mos ?? mosOf(call);
      write(quality.current, mos === null ? "" : mos.toFixed(1));
      mark(quality.current, gradeOf(mos));
      if (strip.current) drawStrip(strip.current, talk, now);
    });
  }, [live]);
  const call = live.said.value;
  const state = STATES[call.state];
  return (
    <>
      <span role="cell" class="duration">
        <span ref={time} class="number" />
        {call.help != null ? <span class="condition help" title={call.help}>Help</span> : call.private ? <span class="condition">Private</span> : state && <span class="condition">{state}</span>}
      </span>
      <span role="cell" class="talking">
        <span class="bars" aria-hidden="true"><span class="level customer"><span ref={customer} /></span><span class="level agent"><span ref={agent} /></span></span>
        <canvas ref={strip} class="strip" width={COLUMNS} height={21} aria-hidden="true" />
        <span class="sr">Crosstalk </span><span ref={crosstalk} class="number share" title="Both speak" />
      </span>
      <span role="cell" class="silence"><span ref={silence} class="number" /></span>
      <span role="cell" class="quality"><span ref={quality} class="number" /></span>
    </>
  );
}

function mark(element: HTMLElement | null, grade: string): void {
  if (element && element.dataset["grade"] !== grade) element.dataset["grade"] = grade;
}
