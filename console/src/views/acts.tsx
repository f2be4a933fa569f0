// What may be done to a call, besides hearing it: stepping in, a third one, an end. Offered is what the server knows and permits.
import type { JSX } from "preact";
import type { Call, Leg } from "../protocol/messages";
import { command, dropAgent, endCall, instead, makeLink, underWay } from "../store/acting";
import { hasRight, hello, isOnline, knows } from "../store/desk";
import { agentLeg, customerOf, guestOf, legOf } from "../store/facts";
import { Icon, type IconName } from "../ui/icons";
import { askFor, confirmFirst, showLink } from "./dialogs";

interface Act {
  readonly icon: IconName;
  readonly says: string;
  readonly name: string;
  readonly does: () => void;
  readonly isDangerous?: boolean;
}

export function Acts({ call }: { call: Call }): JSX.Element | null {
  const acts = actsOf(call);
  if (!acts.length) return null;
  return (
    <section class="card">
      <header><h2>Step in</h2></header>
      <div class="acts">
        {acts.map(({ icon, says, name, does, isDangerous }) => (
          <button key={name} class={isDangerous ? "danger" : ""} aria-busy={underWay.value.has(name)} disabled={!isOnline.value} onClick={does}>
            <Icon name={icon} /> {says}
          </button>
        ))}
      </div>
    </section>
  );
}

/** Do what is offered under a name, such as `take_over`; by a key. */
export function perform(call: Call, ...names: string[]): void {
  actsOf(call).find(({ name }) => names.some((one) => name.startsWith(`${one}:`)))?.does();
}

function actsOf(call: Call): Act[] {
  const mine = legOf(call, hello.value?.identity ?? "");
  const joined = mine?.state === "answered" ? mine : undefined;
  return [...help(call), ...(joined ? stead(call, joined) : []), ...third(call), ...link(call), ...endings(call, joined)];
}

/** The agent's place. */
function stead(call: Call, mine: Leg): Act[] {
  const agent = agentLeg(call);
  const id = call.call;
  if (!agent) return [];
  if (mine.taken_over) {
    return knows("give_back") ? [{ icon: "back", says: "Give back", name: `give_back:${id}`, does: () => void command("give_back", { leg: mine.leg }, `give_back:${id}`) }] : [];
  }
  if (!knows("take_over") || agent.aside) return [];
  return [{ icon: "takeOver", says: "Take over", name: `take_over:${id}`, does: () => confirmFirst({
    title: "Take the call over?", text: `You speak with ${customerOf(call)}; ${call.agent || "the agent"} hears music until you give the call back.`,
    yes: "Take over", does: () => void instead("take_over", id, mine) }) }];
}

function third(call: Call): Act[] {
  const id = call.call;
  const guest = guestOf(call);
  if (guest) {
    if (!hasRight("hang_up")) return [];
    return [{ icon: "drop", says: "Hang up the guest", name: `guest:${id}`, isDangerous: true, does: () => void command("hang_up", { call: id, leg: guest.leg }, `guest:${id}`) }];
  }
  if (!knows("invite")) return [];
  return [{ icon: "out", says: "Bring in a third one", name: `guest:${id}`, does: () => askFor({
    title: "Bring in a third one", label: "Number", hint: "It is rung into the conversation: everybody hears him, and he hears everybody but whispers.",
    pattern: "[^\\s<>]+", longest: 256, yes: "Ring", does: (number) => void command("invite", { call: id, number }, `guest:${id}`) }) }];
}

function help(call: Call): Act[] {
  if (call.help == null || !knows("ask_help")) return [];
  const name = `help:${call.call}`;
  return [{ icon: "close", says: "Needs no help any more", name, does: () => void command("ask_help", { call: call.call, text: null }, name) }];
}

function link(call: Call): Act[] {
  if (!knows("link") || !hasRight("links")) return [];
  const name = `link:${call.call}`;
  return [{ icon: "send", says: "Send a listen-in link", name, does: () => void makeLink(call.call).then((made) => made && showLink(made)) }];
}

function endings(call: Call, mine: Leg | undefined): Act[] {
  const id = call.call;
  const acts: Act[] = [];
  const agent = agentLeg(call);
  const who = call.agent || "The agent";
  const keeps = mine && knows("drop_agent") ? mine : undefined;
  if (agent && keeps) {
    acts.push({ icon: "drop", says: "Drop the agent", name: `drop:${id}`, isDangerous: true, does: () => confirmFirst({
      title: "Drop the agent?", text: `${who} is hung up, and you speak with ${customerOf(call)}.`, yes: "Drop the agent",
      does: () => void instead("drop_agent", id, keeps) }) });
  } else if (agent && !knows("drop_agent") && hasRight("hang_up")) {
    acts.push({ icon: "drop", says: "Drop the agent", name: `drop:${id}`, isDangerous: true, does: () => confirmFirst({
      title: "Drop the agent?", text: `${who} is hung up.`, yes: "Drop the agent", does: () => void dropAgent(id) }) });
  }
  if (hasRight("end")) {
    acts.push({ icon: "end", says: "End the call", name: `end:${id}`, isDangerous: true, does: () => confirmFirst({
      title: "End the call?", text: "Everybody on it is hung up.", yes: "End the call", does: () => void endCall(id) }) });
  }
  return acts;
}
