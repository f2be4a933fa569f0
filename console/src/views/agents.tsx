// The agents: who is on a call, who is idle, whom we follow; and following of teams and by chance.
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useEffect } from "preact/hooks";
import { follow, unfollow, underWay } from "../store/acting";
import { agents, watchAgents } from "../store/agents";
import type { LiveCall } from "../store/calls";
import { hello, isOnline, knows, mayBe } from "../store/desk";
import { customerOf, legOf, supervisors } from "../store/facts";
import { followOf, follows, whomOf } from "../store/follows";
import { choose, type Agent, type AgentFilter, type AgentOrder, type Presence } from "../store/roster";
import { callLink } from "../store/route";
import { Icon } from "../ui/icons";
import { Rows } from "../ui/rows";
import { Chip, Modes } from "./modes";
import { Listen } from "./row";
import { Lasting } from "./seconds";

const ROW = 52;
const NARROW_ROW = 132;

export function Agents(): JSX.Element {
  const filter = useSignal<AgentFilter>({ text: "", team: "", state: "", order: "name" });
  useEffect(watchAgents, []);
  const shown = useComputed(() => choose(agents.value, filter.value));
  const teams = useComputed(() => [...new Set(agents.value.map(({ team }) => team).filter(Boolean))].sort());
  const count = (which: Presence): number => shown.value.filter(({ presence }) => presence === which).length;
  const [onCall, offline] = [count("busy"), count("offline")];
  const set = (changes: Partial<AgentFilter>): void => void (filter.value = { ...filter.value, ...changes });
  const { text, team, state, order } = filter.value;
  return (
    <div class="board agents">
      <h1 class="sr">Agents</h1>
      <search class="filters">
        <label class="search">
          <Icon name="search" />
          <span class="sr">Search agents</span>
          <input id="search" type="search" placeholder="Search" spellcheck={false} value={text} onInput={({ currentTarget }) => set({ text: currentTarget.value })} />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <select aria-label="Team" class={team ? "chosen" : ""} value={team} onChange={({ currentTarget }) => set({ team: currentTarget.value })}>
          <option value="">All teams</option>
          {teams.value.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <select aria-label="State" class={state ? "chosen" : ""} value={state} onChange={({ currentTarget }) => set({ state: currentTarget.value as Presence })}>
          <option value="">Whatever they do</option>
          <option value="busy">On a call</option>
          <option value="idle">Idle</option>
          <option value="offline">Offline</option>
        </select>
        <select aria-label="Order" value={order} onChange={({ currentTarget }) => set({ order: currentTarget.value as AgentOrder })}>
          <option value="name">By name</option>
          <option value="team">By team</option>
          <option value="longest">Longest call first</option>
        </select>
        {knows("follow") && <Following team={team} />}
        <span class="count number" role="status">{onCall} on a call, {shown.value.length - onCall - offline} idle{offline > 0 && `, ${offline} offline`}</span>
      </search>
      <div class="table" role="table" aria-label="Agents" aria-rowcount={shown.value.length + 1}>
        <div class="heads" role="rowgroup">
          <div class="cells" role="row" aria-rowindex={1}>
            {["Agent", "State", "With", "Time", "Supervisors", "Supervise", "Follow"].map((head) => <span key={head} role="columnheader" class="head dim">{head}</span>)}
          </div>
        </div>
        <Rows items={shown.value} wide={ROW} narrow={NARROW_ROW}
          row={(agent, place, height) => <AgentRow key={agent.name} agent={agent} place={place} height={height} />}
          nothing={agents.value.length ? "No agent is like that." : "No agent is known yet. Those whom the server does not list appear with their first call."} />
      </div>
    </div>
  );
}

/** Following that is about no one agent. */
function Following({ team }: { team: string }): JSX.Element {
  const nextOf = team ? followOf({ team }) : undefined;
  const chance = follows.value.find(({ pick, team: of }) => pick === "random" && of === team);
  return (
    <span class="following" role="group" aria-label="Follow">
      {team && !nextOf && <Start label={`follow:team:${team}`} says="Follow the team" title="Join each call of the team that is answered from now on" whom={{ team }} />}
      {!chance && <Start label="follow:chance" says="Sample by chance" title="A minute of one call after the other" whom={{ pick: "random", ...(team ? { team } : {}) }} />}
      {follows.value.map((one) => (
        <button key={one.follow} class="small" aria-busy={underWay.value.has(`unfollow:${one.follow}`)} onClick={() => void unfollow(one.follow)}>
          <Icon name="close" /> Unfollow {whomOf(one)}
        </button>
      ))}
    </span>
  );
}

interface Starts {
  readonly label: string;
  readonly says: string;
  readonly title: string;
  readonly whom: Readonly<Record<string, unknown>>;
  readonly about?: string;
}

function Start({ label, says, title, whom, about }: Starts): JSX.Element {
  return (
    <button class="small" title={title} aria-busy={underWay.value.has(label)} disabled={!isOnline.value} onClick={() => void follow(whom, label)}>
      <Icon name="follow" /> {says}{about && <span class="sr"> {about}</span>}
    </button>
  );
}

const PRESENCES: Readonly<Record<Presence, string>> = { busy: "On a call", idle: "Idle", offline: "Offline", "": "Not on a call" };

const AgentRow = memo(function AgentRow({ agent, place, height }: { agent: Agent<LiveCall>; place: number; height: number }): JSX.Element {
  const { name, team, presence, on } = agent;
  const live = on[0];
  return (
    <div class={`row cells ${live ? "busy" : "idle"}`} role="row" aria-rowindex={place + 2} data-call={live?.id} data-agent={name}
      style={{ transform: `translateY(${place * height}px)`, height: `${height}px` }}>
      <span role="cell" class="name"><span class="face" aria-hidden="true">{name.slice(0, 2)}</span><span class="who"><strong>{name}</strong><span class="dim">{team}</span></span></span>
      <span role="cell" class={`presence ${live ? "busy" : ""}`}>{on.length > 1 ? `${on.length} calls` : PRESENCES[presence]}</span>
      {live ? <On live={live} /> : <><span role="cell" class="with" /><span role="cell" class="duration" /><span role="cell" class="supervisors" /><span role="cell" class="act" /></>}
      <span role="cell" class="follow"><FollowAgent name={name} isBusy={Boolean(live)} /></span>
    </div>
  );
});

/** The call that an agent is on. */
function On({ live }: { live: LiveCall }): JSX.Element {
  const call = live.said.value;
  const me = hello.value?.identity ?? "";
  const mine = legOf(call, me);
  return (
    <>
      <span role="cell" class="with"><a href={callLink(live.id)}>{customerOf(call)}</a></span>
      <span role="cell" class="duration"><Lasting seconds={call.duration} at={live.receivedAt} goesOn /></span>
      <span role="cell" class="supervisors">{supervisors(call).map((leg) => <Chip key={leg.leg} leg={leg} isMine={leg.identity === me} />)}</span>
      <span role="cell" class="act">{mine ? <Modes call={live.id} leg={mine} /> : !call.private && mayBe("listen") && <Listen call={call} />}</span>
    </>
  );
}

function FollowAgent({ name, isBusy }: { name: string; isBusy: boolean }): JSX.Element | null {
  if (!knows("follow")) return null;
  const now = followOf({ agent: name });
  if (now) {
    const busy = underWay.value.has(`unfollow:${now.follow}`);
    return <button class="small chosen" aria-busy={busy} onClick={() => void unfollow(now.follow)}><Icon name="close" /> Unfollow<span class="sr"> {name}</span></button>;
  }
  return (
    <>
      <Start label={`follow:${name}`} says="Follow" about={name} title="Join each call of the agent, until you stop" whom={{ agent: name }} />
      {isBusy || <Start label={`next:${name}`} says="Next call" about={`of ${name}`} title="Join the agent's next call, and no other" whom={{ agent: name, current: false, calls: 1 }} />}
    </>
  );
}
