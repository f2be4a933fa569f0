// How we come in and go out: by name and password, by a link that is good once, or by a token; and why we were not let in.
import { effect, signal } from "@preact/signals";
import type { Answer } from "../protocol/session";
import { Session, refusal, type Memory, type Ways } from "../protocol/session";
import { Refusal } from "../protocol/refusal";
import { look } from "../protocol/told";
import { browserLeg, calls, connection, hello, isFilled, status } from "./desk";
import { rememberToken, rememberedSecret, rememberedToken } from "./remembered";

/** Why the door is shut; empty: nobody has tried. */
export const why = signal("");
export const isEntering = signal(false);
/** Null: that is not known yet. */
export const ways = signal<Ways | null>(null);
/** We came by a link: whatever call we see is the one to listen to. */
export const cameByLink = signal(false);

const memory: Memory = {
  get csrf() { return rememberedSecret("csrf", localStorage).value; },
  set csrf(value: string) { rememberedSecret("csrf", localStorage).value = value; },
  get renewal() { return rememberedSecret("renewal", sessionStorage).value; },
  set renewal(value: string) { rememberedSecret("renewal", sessionStorage).value = value; },
};

async function ask(method: string, path: string, body: object, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const given = method === "GET" ? { headers } : { body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };
  try {
    const response = await fetch(`./v1/${path}`, { method, credentials: "same-origin", ...given });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  } catch {
    return { status: 0, body: {} };
  }
}

const after = (ms: number, what: () => void): (() => void) => {
  const timer = setTimeout(what, ms);
  return () => clearTimeout(timer);
};

const session = new Session(
  { ask, after, now: () => performance.now(), keepsCookies: window.isSecureContext, memory },
  {
    granted: (access) => (hello.peek() ? connection.use(access) : connection.start(access)),
    over: (refusal) => goOut(said(refusal)),
  },
);

export const byPassword = (tenant: string, name: string, password: string): Promise<void> =>
  entering(() => session.byPassword(tenant, name, password));

export function byLink(token: string): Promise<void> {
  // What is in the address is good no more.
  history.replaceState(null, "", "./");
  cameByLink.value = true;
  return entering(() => session.byLink(token));
}

export function byToken(token: string): void {
  why.value = "";
  rememberToken(token);
  connection.start(token);
}

/** Go to an issuer's own page; whoever signs in there comes back to this one. */
export function toIssuer(name: string): void {
  why.value = "";
  isEntering.value = true;
  location.assign(`./v1/sign-in/issuer?name=${encodeURIComponent(name)}`);
}

// By the browser's button one comes back to the page as it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) isEntering.value = false;
});

/** What REST shows under a path, and the websocket does not tell. Throws `Refusal`. */
export async function show(path: string): Promise<Answer["body"]> {
  const { status, body } = await ask("GET", path, {}, { authorization: `Bearer ${session.access || rememberedToken()}` });
  if (status === 200) return body;
  throw refusal({ status, body });
}

/** What an earlier page began goes on, or what an issuer's page did. */
export function comeBack(): void {
  const { told, forget } = look(document.cookie);
  for (const cookie of forget) document.cookie = cookie;
  if (told && "csrf" in told) {
    rememberToken("");
    return void entering(() => session.byIssuer(told.csrf));
  }
  if (told) return void (why.value = said(new Refusal(told)));
  const token = rememberedToken();
  if (token) byToken(token);
  else if (session.isOpen) void entering(() => session.renew());
}

/** Ask which ways there are; a server that cannot be asked now has what most have. */
export async function lookForWays(): Promise<void> {
  ways.value = await session.ways();
}

export function signOut(): void {
  if (session.isOpen) void session.signOut();
  goOut("");
}

async function entering(enter: () => Promise<void>): Promise<void> {
  why.value = "";
  isEntering.value = true;
  try {
    await enter();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    cameByLink.value = false;
    why.value = said(error);
  } finally {
    isEntering.value = false;
  }
}

function goOut(because: string): void {
  browserLeg.close();
  rememberToken("");
  connection.stop();
  calls.replace([]);
  hello.value = null;
  isFilled.value = cameByLink.value = false;
  why.value = because;
}

const said = ({ message, hint }: Refusal): string => `${message[0]?.toUpperCase()}${message.slice(1)}${hint ? `: ${hint}` : ""}.`;

// An access that is not taken any more: a session has another one, a token has not.
effect(() => {
  const now = status.value;
  if (now.is !== "refused") return;
  const refusal = new Refusal({ code: "unauthenticated", text: now.text || "the server refuses the connection", hint: "" });
  queueMicrotask(() => {
    if (now.code === 4401 && session.isOpen) void session.lapsed(refusal);
    else goOut(now.code === 4401 ? "The server does not know this token, or knows it no longer." : said(refusal));
  });
});
