// The agents: who is on a call, who is idle, and whom we follow.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { command } from "../store/acting";
import { agents, type Agent } from "../store/agents";
import { hello, knows } from "../store/desk";
import { customerOf, legOf, supervisors } from "../store/facts";
import { callLink } from "../store/route";
import { Icon } from "../ui/icons";
import { Chip, Modes } from "./modes";
import { Lasting } from "./seconds";

export function Agents(): JSX.Element {
  const text = useSignal("");
  const word = text.value.trim().toLowerCase();
  const shown = agents.value.filter(({ name, team }) => `${name}\n${team}`.toLowerCase().includes(word));
  const onCall = shown.filter(({ on }) => on.length).length;
  return (
    <div class="agents">
      <h1 class="sr">Agents</h1>
      <search class="filters">
        <label class="search">
          <Icon name="search" />
          <span class="sr">Search agents</span>
          <input id="search" type="search" placeholder="Search" value={text.value} onInput={({ currentTarget }) => (text.value = currentTarget.value)} />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <span class="count number" role="status">{onCall} on a call, {shown.length - onCall} idle</span>
      </search>
      {shown.length ? <ul>{shown.map((agent) => <Card key={agent.name} agent={agent} />)}</ul> : <p class="nothing">No agent was seen yet. Agents appear with their first call.</p>}
    </div>
  );
}

function Card({ agent }: { agent: Agent }): JSX.Element {
  const isBusy = agent.on.length > 0;
  return (
    <li class={`person ${isBusy ? "busy" : "idle"}`} data-call={agent.on[0]?.id}>
      <span class="face" aria-hidden="true">{agent.name.slice(0, 2)}</span>
      <span class="name">
        <strong>{agent.name}</strong>
        <span class="dim">{agent.team}</span>
      </span>
      <span class={`presence ${isBusy ? "busy" : ""}`}>{isBusy ? "On a call" : "Idle"}</span>
      {knows("follow") && <button class="small follow" onClick={() => void command("follow", { agent: agent.name }, `follow:${agent.name}`)}><Icon name="follow" /> Follow</button>}
      {agent.on.map((live) => {
        const call = live.said.value;
        const me = hello.value?.identity ?? "";
        return (
          <span key={live.id} class="with">
            <a href={callLink(live.id)}>{customerOf(call)}</a>
            <Lasting seconds={call.duration} at={live.receivedAt} goesOn />
            {supervisors(call).map((leg) => <Chip key={leg.leg} leg={leg} isMine={leg.identity === me} />)}
            <Modes call={live.id} leg={legOf(call, me)} />
          </span>
        );
      })}
    </li>
  );
}
