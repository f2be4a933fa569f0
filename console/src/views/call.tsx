// One call: who is on it, how they talk, our seat in it, and what may be done to it.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Call, Leg } from "../protocol/messages";
import { command, mayMessage, sayToAgent, underWay } from "../store/acting";
import type { LiveCall } from "../store/calls";
import { calls, hello, isFilled, knows } from "../store/desk";
import { draft, draftOf } from "../store/drafts";
import { FLAGS, campaignOf, customerOf, directionOf, doing, flagsOf, gradeOf, legOf, linkOf, numberOf, otherMetadata, queueOf, supervisors } from "../store/facts";
import { pastLink } from "../store/route";
import { COLUMNS } from "../store/talk";
import { Icon } from "../ui/icons";
import { leaveByEscape } from "../ui/keys";
import { onPaint, stretch } from "../ui/painter";
import { drawStrip } from "../ui/strip";
import { Acts } from "./acts";
import { DetailList, Section } from "./card";
import { situation } from "./dock";
import { Chip, Modes } from "./modes";
import { Notes } from "./notes";
import { Lasting, Painted } from "./seconds";

export function CallPage({ id }: { id: string }): JSX.Element {
  void calls.version.value;
  const live = calls.live.get(id);
  if (!live) return <Gone id={id} />;
  return <Live key={id} live={live} />;
}

function Gone({ id }: { id: string }): JSX.Element {
  return (
    <div class="page">
      <Back />
      <p class="nothing">
        {isFilled.value ? "This call is over, or is not yours to see." : "Asking for the call."}
        {isFilled.value && knows("past_call") && <> <a href={pastLink(id)}>What was kept of it</a></>}
      </p>
    </div>
  );
}

const Back = (): JSX.Element => <a class="back" href="#/"><Icon name="back" /> Calls</a>;

function Live({ live }: { live: LiveCall }): JSX.Element {
  const call = live.said.value;
  const me = hello.value?.identity ?? "";
  const mine = legOf(call, me);
  return (
    <div class="page" data-call={call.call}>
      <Back />
      <header class="title">
        <h1>{call.agent || call.called} <span class="dim">with</span> {customerOf(call)}</h1>
        <span class="facts">
          <span class={`condition ${call.state}`}>{call.state}</span>
          <Lasting seconds={call.duration} at={live.receivedAt} goesOn={call.state !== "ended"} />
          <Marks live={live} />
          {linkOf(call) && <a href={linkOf(call)} target="_blank" rel="noopener noreferrer">More about the customer</a>}
        </span>
      </header>
      {call.help != null && <p class="plea" role="status"><strong>{call.agent || "The agent"} asks for help.</strong> {call.help}</p>}
      {call.private && <p class="plea">The agent has marked this call private: nobody may listen.</p>}
      <section class="card seat" aria-label="Supervise">
        <Modes call={call.call} leg={mine} isLarge />
        <p class="said" role="status">{mine ? situation({ live, leg: mine }) : "You are not in this call."}</p>
      </section>
      <div class="columns">
        <div>
          <Talking live={live} />
          <Listeners call={call} me={me} />
          <Notes call={call} />
        </div>
        <div>
          <Acts call={call} />
          {mayMessage(call) && <Message call={call} />}
          <Details call={call} />
        </div>
      </div>
    </div>
  );
}

function Marks({ live }: { live: LiveCall }): JSX.Element {
  const shown = useSignal("");
  useEffect(() => onPaint((now) => (shown.value = [...flagsOf(live.call, live.talk, now)].filter((flag) => flag !== "supervised").join(" "))), [live]);
  return <>{shown.value.split(" ").filter(Boolean).map((flag) => <span key={flag} class={`mark ${flag}`}>{FLAGS[flag as keyof typeof FLAGS]}</span>)}</>;
}

/** The two sides, and the last minute of them. */
function Talking({ live }: { live: LiveCall }): JSX.Element {
  const strip = useRef<HTMLCanvasElement>(null);
  useEffect(() => onPaint((now) => strip.current && drawStrip(strip.current, live.talk, now)), [live]);
  const call = live.said.value;
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  const { talk } = live;
  return (
    <Section title="Talk, last minute">
      <div class="sides">
        <Side name={customerOf(call)} side="customer" live={live} />
        <canvas ref={strip} class="strip large" width={COLUMNS} height={49} role="img" aria-label="Who spoke in the last minute" />
        <Side name={call.agent || call.called} side="agent" live={live} />
      </div>
      <dl class="figures">
        <div><dt>Customer speaks</dt><dd><Painted value={(now) => percent(talk.shares(now).customer)} /></dd></div>
        <div><dt>Agent speaks</dt><dd><Painted value={(now) => percent(talk.shares(now).agent)} /></dd></div>
        <div><dt>Both at once</dt><dd><Painted value={(now) => percent(talk.shares(now).both)} /></dd></div>
        <div><dt>Silent for</dt><dd><Painted value={(now) => `${Math.floor(talk.silence(now))} s`} /></dd></div>
        <div><dt>Quality</dt><dd><Painted value={() => (talk.mos === null ? "not known" : `${talk.mos.toFixed(1)}, ${gradeOf(talk.mos)}`)} /></dd></div>
      </dl>
    </Section>
  );
}

function Side({ name, side, live }: { name: string; side: "agent" | "customer"; live: LiveCall }): JSX.Element {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(
    () => onPaint((now) => stretch(bar.current, live.talk.isStale(now) ? 0 : live.talk[side])),
    [live],
  );
  return (
    <div class="side">
      <span class={`swatch ${side}`} aria-hidden="true" />
      <span>{name} <span class="dim">{side}</span></span>
      <span class={`level ${side}`} aria-hidden="true"><span ref={bar} /></span>
    </div>
  );
}

function Listeners({ call, me }: { call: Call; me: string }): JSX.Element {
  const there = supervisors(call);
  return (
    <Section title="Who listens">
      {there.length ? (
        <ul class="listeners">
          {there.map((leg) => (
            <li key={leg.leg}>
              <Chip leg={leg} isMine={leg.identity === me} />
              <span class="dim">{doing(leg, leg.identity === me)}</span>
              <HandOver call={call} to={leg} />
            </li>
          ))}
        </ul>
      ) : <p class="dim">Nobody.</p>}
    </Section>
  );
}

/** Our talk, for another one who listens. */
function HandOver({ call, to }: { call: Call; to: Leg }): JSX.Element | null {
  const mine = legOf(call, hello.value?.identity ?? "");
  if (!knows("hand_over") || !mine || mine.leg === to.leg || mine.mode === "listen" || to.state !== "answered" || to.mode !== "listen") return null;
  const name = `hand_over:${to.leg}`;
  return (
    <button class="small" aria-busy={underWay.value.has(name)} onClick={() => void command("hand_over", { leg: mine.leg, to: to.leg }, name)}>
      <Icon name="takeOver" /> Hand over to {to.identity || to.party}
    </button>
  );
}

function Message({ call }: { call: Call }): JSX.Element {
  const text = draftOf("message", call.call);
  const write = (now: string): void => draft("message", call.call, now);
  const isBusy = underWay.value.has(`message:${call.call}`);
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (text.trim() && (await sayToAgent(call.call, text.trim()))) write("");
  };
  return (
    <Section title="Message to the agent">
      <form class="line" onSubmit={(event) => void send(event)}>
        <label class="sr" for="message">Text for the agent's phone</label>
        <input id="message" value={text} maxLength={400} placeholder={`To ${call.agent}`} autocomplete="off" onKeyDown={leaveByEscape}
          onInput={({ currentTarget }) => write(currentTarget.value)} />
        <button class="square" aria-label="Send" aria-busy={isBusy} disabled={isBusy || !text.trim()}><Icon name="send" /></button>
      </form>
    </Section>
  );
}

const WAYS = { in: "Inbound", out: "Outbound", internal: "Internal" } as const;

function Details({ call }: { call: Call }): JSX.Element {
  const parties = call.legs.filter((leg) => leg.role !== "supervisor");
  return (
    <DetailList said={[
      ["Direction", WAYS[directionOf(call)]],
      ["Customer", numberOf(call)],
      ["Caller", call.caller],
      ["Called", call.called],
      ["Team", call.team],
      ["Queue", queueOf(call)],
      ["Campaign", campaignOf(call)],
      ["Trunk", call.trunk],
      ["Began", new Date(call.started).toLocaleTimeString()],
      ...otherMetadata(call),
      ...parties.map((leg) => [leg.party || leg.role, `${leg.codec || "no audio"}${leg.secured ? ", encrypted" : ""}${quality(call, leg)}`] as const),
      ["Call id", call.call],
    ]} />
  );
}

function quality(call: Call, leg: Leg): string {
  const up = call.quality?.[String(leg.leg)]?.up;
  return up ? `, ${(up.loss * 100).toFixed(1)} % lost, jitter ${up.jitter_ms.toFixed(0)} ms` : "";
}
