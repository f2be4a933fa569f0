// The supervisor's desk: who he is, the calls, the connection, and what he may do. One of each in a page.
import { computed, effect, signal } from "@preact/signals";
import { BrowserLeg } from "../audio/leg";
import { Connection, type Socket, type Status, type World } from "../protocol/connection";
import type { Event, Hello, Leg, Mode } from "../protocol/messages";
import { Mirror } from "../protocol/mirror";
import { Refusal } from "../protocol/refusal";
import { Calls, type LiveCall } from "./calls";
import { ear } from "./choices";
import { legOf, reaches } from "./facts";
import { follows, isFollowing, take, type Follow } from "./follows";
import { notify, tellRefusal } from "./notices";

/** Commands of the first servers, which do not tell what they know. */
const FIRST_COMMANDS: readonly string[] = ["supervise", "set_mode", "mute", "volumes", "leave", "hang_up", "end", "message"];

const world: World = {
  open: (url, protocols) => new WebSocket(url, protocols) as unknown as Socket,
  now: () => performance.now(),
  after: (ms, what) => {
    const timer = setTimeout(what, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  key: () => crypto.getRandomValues(new Uint32Array(4)).join("-"),
};

export const calls = new Calls(world.now);
export const status = signal<Status>({ is: "closed" });
export const hello = signal<Hello | null>(null);
/** Whether all that there is has been told since we signed in. */
export const isFilled = signal(false);
/** Whether this server takes browsers as legs. */
export const takesBrowsers = signal(false);

type Watcher = (event: Event) => void;
const watchers = new Set<Watcher>();

/** Be told of each event, after the calls show it. */
export function onEvent(watcher: Watcher): void {
  watchers.add(watcher);
}

const mirror = new Mirror(calls);

export const connection = new Connection(address(), mirror, {
  status: (now) => (status.value = now),
  hello: greeted,
  snapshot: ({ last, commands }) => {
    const greeting = hello.peek();
    if (greeting && commands) hello.value = { ...greeting, commands };
    isFilled.value ||= last;
  },
  event: (event) => {
    take(event);
    watchers.forEach((watcher) => watcher(event));
  },
  meters: (meters) => calls.meters(meters),
}, world);

export const browserLeg = new BrowserLeg((type, fields) => connection.ask(type, fields), tellRefusal);

function address(): string {
  const url = new URL("./v1/control", location.href.split("#")[0]);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  return url.href;
}

function greeted(said: Hello): void {
  hello.value = said;
  isFilled.value ||= said.resumed;
  welcome = browserLeg.isWelcome().then((is) => void (takesBrowsers.value = is));
  follows.value = said.resumed ? follows.peek() : [];
  if (knows("follows")) void connection.ask("follows").then((result) => (follows.value = result["follows"] as Follow[]), () => undefined);
}

/** So long is waited for the server to say whether it takes browsers. */
const WELCOME_WITHIN_MS = 5_000;
let welcome: Promise<void> = Promise.resolve();

/** Wait until it is known whether this server takes browsers as legs: a phone is never rung because the answer is still on its way. */
export function welcomeIsKnown(): Promise<void> {
  const late = new Refusal({ code: "timeout", text: "the server has not said yet whether it takes browsers", hint: "try again" });
  const patience = new Promise<never>((_, reject) => world.after(WELCOME_WITHIN_MS, () => reject(late)));
  return Promise.race([welcome, patience]);
}

export const isOnline = computed(() => status.value.is === "open");

/** Whether the server knows a command. */
export const knows = (command: string): boolean => (hello.value?.commands ?? FIRST_COMMANDS).includes(command);
export const hasRight = (right: string): boolean => hello.value?.ceiling.rights.includes(right) ?? false;
export const mayBe = (mode: Mode): boolean => reaches(hello.value?.ceiling.mode ?? null, mode);

/** Where we are a supervisor, as the server has it. */
export interface Seat {
  readonly live: LiveCall;
  readonly leg: Leg;
}

export const seats = computed<readonly Seat[]>(() => {
  void calls.version.value;
  const identity = hello.value?.identity;
  if (!identity) return [];
  const found: Seat[] = [];
  for (const live of calls.live.values()) {
    const leg = legOf(live.call, identity);
    if (leg) found.push({ live, leg });
  }
  return found;
});

/** The seat that keys and the dock are about: the browser's, or the one that there is. */
export const seat = computed<Seat | null>(() => {
  const ours = seats.value.find(({ leg }) => leg.leg === browserLeg.number.value);
  return ours ?? seats.value.at(-1) ?? null;
});

/** Whether Listen means this browser, and not the phone that the server rings. */
export const listensHere = computed(() => takesBrowsers.value && ear.value === "browser");

// The peer goes with the leg, whoever ended that.
onEvent((event) => {
  if (!browserLeg.number.peek() || event.leg !== browserLeg.number.peek()) return;
  if (event.kind === "supervisor.left" && !isFollowing(browserLeg.number.peek())) {
    browserLeg.close();
    notify("plain", "You have left the call");
  }
});
effect(() => {
  const number = browserLeg.number.value;
  const isGone = isFilled.value && isOnline.value && number && browserLeg.way.value === "connected" && !seats.value.some(({ leg }) => leg.leg === number) && !isFollowing(number);
  if (isGone) browserLeg.close();
});

addEventListener("online", () => {
  connection.hurry();
  void browserLeg.restart().catch(tellRefusal);
});
addEventListener("pagehide", () => browserLeg.close());
