// What a supervisor does. Nothing here changes what is shown: that follows from what the server then says.
import { signal } from "@preact/signals";
import type { Fields } from "../protocol/connection";
import type { Call, Leg, Mode } from "../protocol/messages";
import { NO_MICROPHONE, Refusal } from "../protocol/refusal";
import { ear, pushToTalk } from "./choices";
import { browserLeg, calls, connection, hello, knows, listensHere, mayBe, seat, seats, welcomeIsKnown, type Seat } from "./desk";
import { agentLeg, legOf } from "./facts";
import { Latest } from "./latest";
import { notify, tellRefusal } from "./notices";

/** What was asked for and is not confirmed yet: the command, and for whom. */
export const underWay = signal<ReadonlySet<string>>(new Set());

/** Do something that takes a while, once at a time; refusals are told. */
export async function during(name: string, what: () => Promise<unknown>): Promise<boolean> {
  if (underWay.peek().has(name)) return false;
  underWay.value = new Set([...underWay.peek(), name]);
  try {
    await what();
    return true;
  } catch (error) {
    tellRefusal(error);
    return false;
  } finally {
    const rest = new Set(underWay.peek());
    rest.delete(name);
    underWay.value = rest;
  }
}

/** Be in a call in a mode: joins it, or changes the mode of the leg that is there. */
export function supervise(call: string, mode: Mode): Promise<boolean> {
  const live = calls.live.get(call);
  const leg = live && hello.peek() ? legOf(live.call, hello.peek()!.identity) : undefined;
  return leg ? setMode(leg.leg, mode, leg.muted) : join(call, mode);
}

/** Come into a call anew, with another leg than whatever we had. */
export function join(call: string, mode: Mode): Promise<boolean> {
  return during(`supervise:${call}:${mode}`, async () => {
    if (ear.peek() === "browser") await welcomeIsKnown();
    for (const { leg } of seats.peek()) await connection.ask("leave", { leg: leg.leg }, { again: true });
    if (!listensHere.peek()) {
      await connection.ask("supervise", { call, mode });
      return;
    }
    // Nobody hears us before the microphone is there and, with push-to-talk, the key is down.
    const { leg } = await browserLeg.join({ call });
    if (mode !== "listen") await enter(Number(leg), mode, false);
  });
}

/** Have a leg of ours go from call to call: here, or on the phone that the server rings. */
export const follow = (whom: Fields, label: string): Promise<boolean> =>
  during(label, async () => {
    if (ear.peek() === "browser") await welcomeIsKnown();
    if (listensHere.peek()) await browserLeg.join(whom, "follow");
    else await connection.ask("follow", whom);
  });

export const unfollow = (number: number): Promise<boolean> =>
  during(`unfollow:${number}`, () => connection.ask("unfollow", { follow: number }, { again: true }));

function setMode(leg: number, mode: Mode, isMuted: boolean): Promise<boolean> {
  return during(`mode:${leg}:${mode}`, () => enter(leg, mode, isMuted));
}

async function enter(leg: number, mode: Mode, isMuted: boolean): Promise<void> {
  if (mode !== "listen") await readyToTalk(leg, isMuted);
  await connection.ask("set_mode", { leg, mode });
}

/** Have a microphone; with push-to-talk, one that is shut until the key is down. */
async function readyToTalk(leg: number, isMuted: boolean): Promise<void> {
  if (leg === browserLeg.number.peek()) await browserLeg.speak().catch(stillHears);
  if (pushToTalk.peek() && !isMuted) await connection.ask("mute", { leg, muted: true });
}

/** Whoever has no microphone is in the call as he was. */
function stillHears(error: unknown): never {
  if (!(error instanceof Refusal) || error.code !== NO_MICROPHONE) throw error;
  throw new Refusal({ code: error.code, text: error.message, hint: `${error.hint} You still hear the call; nobody hears you.` });
}

/** Talk in the agent's stead, who stands aside or is hung up. */
export const instead = (how: "take_over" | "drop_agent", call: string, { leg, muted }: Leg): Promise<boolean> =>
  during(`${how === "take_over" ? how : "drop"}:${call}`, async () => {
    await readyToTalk(leg, muted);
    await connection.ask(how, { leg });
  });

/** The address at which somebody else may listen in, once; null where it was refused. */
export async function makeLink(call: string): Promise<Link | null> {
  let made: Link | null = null;
  await during(`link:${call}`, async () => {
    const { link, expires_in } = await connection.ask("link", { call });
    made = { address: new URL(`.${String(link)}`, location.href.split("#")[0]).href, seconds: Number(expires_in) };
  });
  return made;
}

export interface Link {
  readonly address: string;
  readonly seconds: number;
}

export const leave = (leg: number): Promise<boolean> => during(`leave:${leg}`, () => connection.ask("leave", { leg }, { again: true }));

const muting = new Latest<{ leg: number; muted: boolean }>((wish) => connection.ask("mute", wish), tellRefusal);
/** Rises when a volume was refused: what was dragged goes back to what is. */
export const volumesRefused = signal(0);
const loudness = new Latest<{ leg: number; hears: number }>((wish) => connection.ask("volumes", wish), (error) => {
  tellRefusal(error);
  volumesRefused.value++;
});

export const mute = (leg: number, muted: boolean): void => muting.want({ leg, muted });
export const setVolume = (leg: number, hears: number): void => loudness.want({ leg, hears: Math.max(0, Math.min(4, hears)) });

/** The leg whose microphone the talk key holds open; 0: none. */
let talking = 0;

/** The talk key goes down or up. Without push-to-talk it is none; what it has opened it shuts all the same, whichever seat keys are about then. */
export function talkKey(isDown: boolean, at: Seat | null = seat.peek()): void {
  const leg = at && at.leg.mode !== "listen" ? at.leg.leg : 0;
  if (isDown && pushToTalk.peek()) talking = leg;
  if (isDown && leg && leg === talking) mute(leg, false);
  if (isDown) return;
  if (seats.peek().some((own) => own.leg.leg === talking)) mute(talking, true);
  talking = 0;
}

/** The volumes that keys step through. */
const STEP = 0.25;

export function louder(by: 1 | -1): void {
  const at = seat.peek();
  if (at) setVolume(at.leg.leg, at.leg.hears + by * STEP);
}

export const endCall = (call: string): Promise<boolean> => during(`end:${call}`, () => connection.ask("end", { call }, { again: true }));

export function dropAgent(call: string): Promise<boolean> {
  const live = calls.live.get(call);
  const leg = live && agentLeg(live.call);
  if (!leg) return Promise.resolve(false);
  return during(`drop:${call}`, () => connection.ask("hang_up", { call, leg: leg.leg }, { again: true }));
}

export const mayMessage = (call: Call): boolean => mayBe("whisper") && knows("message") && call.agent !== "";

export async function sayToAgent(call: string, text: string): Promise<boolean> {
  const isTaken = await during(`message:${call}`, () => connection.ask("message", { call, text }));
  if (isTaken) notify("plain", "The agent's phone has taken the text");
  return isTaken;
}

/** Commands of servers that know them. */
export function command(name: string, fields: Record<string, unknown>, label: string): Promise<boolean> {
  if (!knows(name)) return Promise.resolve(false);
  return during(label, () => connection.ask(name, fields, { again: true }));
}
