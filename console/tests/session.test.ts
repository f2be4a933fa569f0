// A session is renewed before it lapses, and ends when the server says so. The server and the clock are the test's.
import { describe, expect, test } from "vitest";
import { AGAIN_MS, FRESH_MS, Session, type Answer, type Outside } from "../src/protocol/session";
import { Refusal } from "../src/protocol/refusal";

const GONE: Answer = { status: 401, body: { code: "unauthenticated", text: "the session is over", hint: "sign in again" } };

class Server implements Outside {
  asked: { path: string; body: object; headers: object }[] = [];
  answers: Answer[] = [];
  told: string[] = [];
  memory = { csrf: "", renewal: "" };
  keepsCookies = true;
  #now = 0;
  #timers: { at: number; what: () => void }[] = [];
  #number = 0;
  readonly session = new Session(this, { granted: (access) => this.told.push(access), over: ({ message }) => this.told.push(message) });

  async ask(_: string, path: string, body: object, headers: object): Promise<Answer> {
    this.asked.push({ path, body, headers });
    return this.answers.shift() ?? this.grant();
  }
  grant(changes: object = {}): Answer {
    return { status: 200, body: { access: `a${++this.#number}`, expires_in: 100, csrf: "proof", ...changes } };
  }
  now = (): number => this.#now;
  after(ms: number, what: () => void): () => void {
    const timer = { at: this.#now + ms, what };
    this.#timers = [...this.#timers, timer];
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }
  async passes(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { what } of due) what();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

const withdrawn = new Refusal({ code: "unauthenticated", text: "withdrawn", hint: "" });

describe("a session", () => {
  test("is renewed before its access lapses, by the cookie and the proof that goes with it", async () => {
    const server = new Server();
    await server.session.byPassword("default", "carla", "open sesame");
    expect(server.asked[0]).toMatchObject({ path: "sign-in", body: { name: "carla", cookie: true } });
    await server.passes(70_000);
    expect(server.asked[1]).toEqual({ path: "sign-in/renew", body: {}, headers: { "x-csrf-token": "proof" } });
    expect(server.told).toEqual(["a1", "a2"]);
  });

  test("that an issuer's page opened begins by the cookie, whatever was there before", async () => {
    const server = new Server();
    server.memory.renewal = "an earlier one";
    await server.session.byIssuer("given");
    expect(server.asked).toEqual([{ path: "sign-in/renew", body: {}, headers: { "x-csrf-token": "given" } }]);
    expect(server.told).toEqual(["a1"]);
  });

  test("is renewed by a token where no cookie is kept", async () => {
    const server = new Server();
    server.keepsCookies = false;
    server.answers = [server.grant({ renewal: "r1" }), server.grant({ renewal: "r2" })];
    await server.session.byPassword("default", "carla", "open sesame");
    await server.passes(70_000);
    expect(server.asked[1]).toMatchObject({ body: { renewal: "r1" } });
    expect(server.memory).toEqual({ csrf: "", renewal: "r2" });
  });

  test("goes on in a page that is opened anew", async () => {
    const server = new Server();
    server.memory.csrf = "proof";
    expect(server.session.isOpen).toBe(true);
    await server.session.renew();
    expect(server.told).toEqual(["a1"]);
  });

  test("outlasts a server that cannot be reached", async () => {
    const server = new Server();
    await server.session.byPassword("default", "carla", "open sesame");
    server.answers = [{ status: 0, body: {} }];
    await server.passes(70_000);
    await server.passes(AGAIN_MS);
    expect(server.told).toEqual(["a1", "a2"]);
  });

  test("is over when the server refuses to renew it, and nothing of it is kept", async () => {
    const server = new Server();
    await server.session.byPassword("default", "carla", "open sesame");
    server.answers = [GONE];
    await server.passes(70_000);
    expect(server.told).toEqual(["a1", "the session is over"]);
    expect(server.memory).toEqual({ csrf: "", renewal: "" });
    expect(server.session.isOpen).toBe(false);
  });

  test("has its access renewed when that is turned down for its age", async () => {
    const server = new Server();
    await server.session.byPassword("default", "carla", "open sesame");
    await server.passes(FRESH_MS);
    await server.session.lapsed(withdrawn);
    expect(server.told).toEqual(["a1", "a2"]);
  });

  test("is over when a fresh access is turned down twice", async () => {
    const server = new Server();
    await server.session.byPassword("default", "carla", "open sesame");
    await server.session.lapsed(withdrawn);
    await server.session.lapsed(withdrawn);
    expect(server.told).toEqual(["a1", "a1", "withdrawn"]);
  });

  test("is told to the server when it ends", async () => {
    const server = new Server();
    await server.session.byPassword("default", "carla", "open sesame");
    await server.session.signOut();
    expect(server.asked.at(-1)).toMatchObject({ path: "sign-out", headers: { authorization: "Bearer a1" } });
    await server.passes(100_000);
    expect(server.told).toEqual(["a1"]);
  });

  test("is not begun where the server says no, and the reason is told", async () => {
    const server = new Server();
    server.answers = [{ status: 429, body: { code: "too_many", text: "too many failures", hint: "try again in 30 s" } }];
    await expect(server.session.byPassword("default", "carla", "guess")).rejects.toMatchObject({ hint: "try again in 30 s" });
    expect(server.session.isOpen).toBe(false);
  });
});
