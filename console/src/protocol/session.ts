// A session of somebody who signed in: its access is renewed before it lapses, by a cookie or by a token. No page, no I/O.
//
// Rules: access is kept in memory alone. What the server refuses ends the session; what the network fails at is tried again.
// A renewal under way is the only one. A fresh access that is turned down is tried once more (it was the one before it), then never.
import { Refusal } from "./refusal";
import type { Problem } from "./messages";

/** As much of an access's life as goes by before it is renewed. */
const PART = 0.7;
export const AGAIN_MS = 4_000;
/** An access that is turned down sooner after it was given was not turned down for its age. */
export const FRESH_MS = 5_000;

export interface Answer {
  /** Of HTTP; 0: nobody answered. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a session needs of the world. */
export interface Outside {
  ask(method: "GET" | "POST", path: string, body: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>): Promise<Answer>;
  after(ms: number, what: () => void): () => void;
  now(): number;
  /** Whether a cookie is kept that goes by TLS alone. */
  readonly keepsCookies: boolean;
  readonly memory: Memory;
}

/** What outlives the page: of a cookie what proves that a request is ours, of a token the token. */
export interface Memory {
  csrf: string;
  renewal: string;
}

export interface Told {
  granted(access: string): void;
  over(why: Refusal): void;
}

export interface Ways {
  readonly password: boolean;
  readonly issuers: readonly string[];
  /** Those of them at whose own page one can sign in. */
  readonly redirects: readonly string[];
}

export class Session {
  #access = "";
  #grantedAt = -Infinity;
  #turnedDown = 0;
  #callOff: (() => void) | null = null;
  #renewing: Promise<void> | null = null;

  constructor(
    private readonly outside: Outside,
    private readonly told: Told,
  ) {}

  /** Whether there is one, or may be one that an earlier page began. */
  get isOpen(): boolean {
    return Boolean(this.#access || this.outside.memory.csrf || this.outside.memory.renewal);
  }

  /** What opens the API now; empty: nothing does. */
  get access(): string {
    return this.#access;
  }

  /** How one can sign in here; a server that does not say takes tokens alone. */
  async ways(): Promise<Ways> {
    const { status, body } = await this.outside.ask("GET", "sign-in", {}, {});
    const names = (what: string): string[] => (Array.isArray(body[what]) ? body[what].map(String) : []);
    const password = status === 0 || (status === 200 && body["password"] !== false);
    return { password, issuers: names("issuers"), redirects: names("redirects") };
  }

  /** Throws `Refusal`. */
  async byPassword(tenant: string, name: string, password: string): Promise<void> {
    const cookie = this.outside.keepsCookies;
    this.#take(await this.#ask("sign-in", { tenant, name, password, cookie }));
  }

  /** We came back from an issuer's page: the cookie is there already. */
  byIssuer(csrf: string): Promise<void> {
    this.outside.memory.renewal = "";
    this.outside.memory.csrf = csrf;
    return this.renew();
  }

  /** Throws `Refusal`; the link is used up. */
  async byLink(token: string): Promise<void> {
    this.#take(await this.#ask("sign-in/link", { token }));
  }

  /** Have another access: an earlier page's session goes on, or this one's. */
  renew(): Promise<void> {
    return (this.#renewing ??= this.#renew().finally(() => (this.#renewing = null)));
  }

  /** The access was turned down: it has lapsed, or was withdrawn. */
  async lapsed(why: Refusal): Promise<void> {
    const isFresh = this.outside.now() - this.#grantedAt < FRESH_MS;
    if (!isFresh) return this.renew();
    if (this.#turnedDown++) this.#end(why);
    else this.told.granted(this.#access);
  }

  /** The server forgets it, and so do we, in whichever order that succeeds. */
  async signOut(): Promise<void> {
    const headers = this.#access ? { authorization: `Bearer ${this.#access}` } : this.#proof();
    this.#forget();
    await this.outside.ask("POST", "sign-out", {}, headers);
  }

  async #renew(): Promise<void> {
    const { renewal } = this.outside.memory;
    const { status, body } = await this.outside.ask("POST", "sign-in/renew", renewal ? { renewal } : {}, this.#proof());
    if (!this.isOpen) return;
    if (status === 200) this.#take(body);
    else if (status === 0 || status === 429 || status >= 500) this.#again(AGAIN_MS);
    else this.#end(refusal({ status, body }));
  }

  async #ask(path: string, body: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.outside.ask("POST", path, body, {});
    if (answer.status !== 200) throw refusal(answer);
    return answer.body;
  }

  #proof(): Record<string, string> {
    const { csrf } = this.outside.memory;
    return csrf ? { "x-csrf-token": csrf } : {};
  }

  #take(granted: Readonly<Record<string, unknown>>): void {
    const { memory } = this.outside;
    this.#access = String(granted["access"]);
    this.#grantedAt = this.outside.now();
    this.#turnedDown = 0;
    // Two pages that renew at once share what the first one was given: there is no renewal in the second's answer then.
    if (typeof granted["renewal"] === "string") memory.renewal = granted["renewal"];
    else if (!memory.renewal) memory.csrf = String(granted["csrf"]);
    this.#again(Number(granted["expires_in"]) * 1_000 * PART);
    this.told.granted(this.#access);
  }

  #again(ms: number): void {
    this.#callOff?.();
    this.#callOff = this.outside.after(ms, () => void this.renew());
  }

  #end(why: Refusal): void {
    this.#forget();
    this.told.over(why);
  }

  #forget(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#access = "";
    this.outside.memory.csrf = this.outside.memory.renewal = "";
  }
}

/** Why an answer is none that was wanted. */
export function refusal({ status, body }: Answer): Refusal {
  if (status === 0) return unreachable();
  const { code, text, hint } = body as Partial<Problem>;
  return new Refusal({ code: code ?? "internal", text: text ?? "the server did not say why", hint: hint ?? "" });
}

const unreachable = (): Refusal => new Refusal({ code: "offline", text: "the server does not answer", hint: "try again" });
