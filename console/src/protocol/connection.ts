// The websocket to the control API: it comes back by itself, resumes, and gives every command its reply.
//
// Rules: one socket at a time. After a cut the next one is opened after a pause that doubles up to LONGEST_PAUSE.
// A command that was under way at a cut is told `cut`, unless it was asked to be sent again; then its key keeps
// the server from doing it twice. Modes and mutes are never sent again: nobody is to be heard by an old wish.
import type { Event, Hello, Meters, Reply, Snapshot } from "./messages";
import { read } from "./messages";
import { OutOfStep, type Mirror } from "./mirror";
import { Refusal, cut } from "./refusal";

export const SUBPROTOCOL = "mediaserver.v1.json";
export const FIRST_PAUSE_MS = 250;
export const LONGEST_PAUSE_MS = 5_000;
/** With nothing heard for so long the server is asked whether it is there. */
export const QUIET_MS = 15_000;
/** And for so long, the connection is taken for dead. */
export const DEAD_MS = 25_000;
export const REPLY_WITHIN_MS = 35_000;
/** Commands that wait for replies; the server reads no more than 64 ahead. */
export const MOST_WAITING = 48;

/** As much of a WebSocket as is used. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  readonly readyState: number;
  send(frame: string): void;
  close(code?: number): void;
}

/** What the connection needs of the world. */
export interface World {
  open(url: string, protocols: string[]): Socket;
  now(): number;
  /** Call back after so many milliseconds; what it returns calls that off. */
  after(ms: number, what: () => void): () => void;
  random(): number;
  key(): string;
}

export type Status =
  | { readonly is: "connecting" | "open" | "closed" }
  | { readonly is: "waiting"; readonly until: number; readonly tries: number }
  | { readonly is: "refused"; readonly code: number; readonly text: string };

/** Whom the connection tells. */
export interface Listener {
  status(status: Status): void;
  hello(hello: Hello): void;
  snapshot(snapshot: Snapshot): void;
  event(event: Event): void;
  meters(meters: Meters): void;
}

export type Fields = Readonly<Record<string, unknown>>;
export type Result = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly command: Fields;
  readonly isSentAgain: boolean;
  readonly resolve: (result: Result) => void;
  readonly reject: (refusal: Refusal) => void;
  readonly callOff: () => void;
}

/** `WebSocket.OPEN`. */
const OPEN = 1;

/** The close code of a server that refuses, which has no use in being asked again. */
const FOREVER: ReadonlySet<number> = new Set([4400, 4401, 4403]);

export class Connection {
  #socket: Socket | null = null;
  #isOpen = false;
  #token = "";
  #tries = 0;
  #number = 0;
  #heardAt = 0;
  #callOffs: (() => void)[] = [];
  readonly #waiting = new Map<number, Waiting>();

  constructor(
    private readonly url: string,
    private readonly mirror: Mirror,
    private readonly listener: Listener,
    private readonly world: World,
  ) {}

  /** Connect as whoever the token names, and stay connected. */
  start(token: string): void {
    this.stop();
    this.#token = token;
    this.#tries = 0;
    this.#connect();
  }

  /** From now on this token says who we are. What is connected stays so; what was refused is tried again, and resumes. */
  use(token: string): void {
    const wasRefused = !this.#token;
    this.#token = token;
    if (wasRefused) this.#connect();
  }

  /** Disconnect, and stay so. */
  stop(): void {
    this.#token = "";
    this.#drop();
    this.#fail(() => true);
    this.mirror.forget();
    this.listener.status({ is: "closed" });
  }

  /** Do not wait any longer before the next try. */
  hurry(): void {
    if (this.#token && !this.#socket) this.#connect();
  }

  /** Send a command; its result, or a `Refusal`. */
  ask(type: string, fields: Fields = {}, options: { again?: boolean } = {}): Promise<Result> {
    const isSentAgain = options.again ?? false;
    if (!this.#isOpen && !isSentAgain) return Promise.reject(offline());
    if (this.#waiting.size >= MOST_WAITING) return Promise.reject(busy());
    const id = ++this.#number;
    const command = { type, id, ...(isSentAgain ? { key: this.world.key() } : {}), ...fields };
    return new Promise((resolve, reject) => {
      const callOff = this.world.after(REPLY_WITHIN_MS, () => this.#settle(id)?.reject(silent()));
      this.#waiting.set(id, { command, isSentAgain, resolve, reject, callOff });
      if (this.#isOpen) this.#send(command);
    });
  }

  /** A socket that is closing takes nothing any more: what waits is told so when it has closed. */
  #send(command: Fields): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(command));
  }

  #connect(): void {
    this.#callOffAll();
    this.listener.status({ is: "connecting" });
    const position = this.mirror.position;
    const url = position ? `${this.url}?resume=${encodeURIComponent(position)}` : this.url;
    const socket = this.world.open(url, [SUBPROTOCOL, `bearer.${this.#token}`]);
    this.#socket = socket;
    this.#heardAt = this.world.now();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#take(data);
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#closed(code, reason);
    this.#watch();
  }

  #take(frame: string): void {
    this.#heardAt = this.world.now();
    const message = read(frame);
    switch (message?.type) {
      case "hello":
        this.#greeted(message);
        break;
      case "snapshot":
        this.mirror.snapshot(message);
        this.listener.snapshot(message);
        break;
      case "event":
        this.#event(message);
        break;
      case "meters":
        this.listener.meters(message);
        break;
      case "reply":
        this.#replied(message);
        break;
    }
  }

  #greeted(hello: Hello): void {
    this.#isOpen = true;
    this.#tries = 0;
    this.mirror.greet(hello);
    this.listener.hello(hello);
    this.listener.status({ is: "open" });
    for (const { command, isSentAgain } of this.#waiting.values()) {
      if (isSentAgain) this.#send(command);
    }
  }

  #event(event: Event): void {
    try {
      if (this.mirror.event(event)) this.listener.event(event);
    } catch (error) {
      if (!(error instanceof OutOfStep)) throw error;
      this.mirror.forget();
      this.#closed(1006, error.message);
    }
  }

  #replied(reply: Reply): void {
    const waiting = typeof reply.id === "number" ? this.#settle(reply.id) : null;
    if (reply.ok) waiting?.resolve(reply.result ?? {});
    else waiting?.reject(new Refusal(reply.error ?? { code: "internal", text: "no reason was given", hint: "" }));
  }

  #settle(id: number): Waiting | null {
    const waiting = this.#waiting.get(id) ?? null;
    this.#waiting.delete(id);
    waiting?.callOff();
    return waiting;
  }

  #closed(code: number, reason: string): void {
    this.#drop();
    const isFinal = FOREVER.has(code);
    this.#fail(({ isSentAgain }) => isFinal || !isSentAgain);
    if (isFinal) {
      this.#token = "";
      this.listener.status({ is: "refused", code, text: reason });
      return;
    }
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#tries, LONGEST_PAUSE_MS) * (0.75 + this.world.random() / 2);
    this.#tries += 1;
    this.listener.status({ is: "waiting", until: this.world.now() + pause, tries: this.#tries });
    this.#callOffs.push(this.world.after(pause, () => this.#connect()));
  }

  /** Notice a connection that nobody told us the end of. */
  #watch(): void {
    const look = (): void => {
      const quiet = this.world.now() - this.#heardAt;
      if (quiet >= DEAD_MS) return this.#closed(1006, "nothing was heard");
      if (quiet >= QUIET_MS && this.#isOpen) void this.ask("list").catch(() => undefined);
      this.#callOffs.push(this.world.after(QUIET_MS / 3, look));
      if (this.#callOffs.length > 2) this.#callOffs.splice(0, this.#callOffs.length - 2);
    };
    this.#callOffs.push(this.world.after(QUIET_MS / 3, look));
  }

  #drop(): void {
    this.#callOffAll();
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    socket?.close();
  }

  #callOffAll(): void {
    for (const callOff of this.#callOffs) callOff();
    this.#callOffs = [];
  }

  #fail(which: (waiting: Waiting) => boolean): void {
    for (const [id, waiting] of this.#waiting) {
      if (which(waiting)) this.#settle(id)?.reject(cut());
    }
  }
}

const offline = (): Refusal => new Refusal({ code: "offline", text: "not connected", hint: "it is being tried again" });
const busy = (): Refusal => new Refusal({ code: "too_many", text: "too many commands are under way", hint: "wait a moment" });
const silent = (): Refusal => new Refusal({ code: "timeout", text: "no answer in time", hint: "look at the call before you try again" });
