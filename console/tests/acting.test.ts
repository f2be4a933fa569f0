// What the talk key says to the server. Desk and choices are the test's.
import { beforeEach, expect, test, vi } from "vitest";
import { talkKey } from "../src/store/acting";
import { pushToTalk } from "../src/store/choices";
import type { Seat } from "../src/store/desk";
import { leg } from "./said";

const { asked, ours } = vi.hoisted(() => ({ asked: [] as [string, object][], ours: [] as Seat[] }));
vi.mock("../src/store/choices", async () => ({ pushToTalk: (await import("@preact/signals")).signal(true) }));
vi.mock("../src/store/desk", () => ({
  connection: { ask: async (type: string, fields: object) => void asked.push([type, fields]) },
  seat: { peek: () => null },
  seats: { peek: () => ours },
}));

const at = (mode: "listen" | "whisper", number = 3): Seat => ({ live: {} as Seat["live"], leg: leg(number, "supervisor", { mode }) });
const told = async (): Promise<unknown> => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return asked.splice(0);
};
const said = (muted: boolean): unknown => ["mute", { leg: 3, muted }];

beforeEach(() => {
  pushToTalk.value = true;
  ours.splice(0, ours.length, at("whisper"));
});

test("with push-to-talk the key opens the microphone, and its release shuts it", async () => {
  talkKey(true, at("whisper"));
  expect(await told()).toEqual([said(false)]);
  talkKey(false, at("whisper"));
  expect(await told()).toEqual([said(true)]);
});

test("without push-to-talk, and where nobody hears us, the key says nothing: a whisper is not muted by its release", async () => {
  talkKey(true, at("listen"));
  talkKey(false, at("whisper"));
  pushToTalk.value = false;
  talkKey(true, at("whisper"));
  talkKey(false, at("whisper"));
  expect(await told()).toEqual([]);
});

test("what was opened is shut, though push-to-talk was chosen off meanwhile", async () => {
  talkKey(true, at("whisper"));
  await told();
  pushToTalk.value = false;
  talkKey(false, at("whisper"));
  expect(await told()).toEqual([said(true)]);
});

test.each([
  ["the keys are about another seat by then", at("whisper", 4), at("whisper")],
  ["he only listens by then, and may be handed a talk", at("listen"), at("listen")],
])("what was opened is shut, though %s", async (_, then, own) => {
  talkKey(true, at("whisper"));
  await told();
  ours.splice(0, 1, own);
  talkKey(false, then);
  expect(await told()).toEqual([said(true)]);
});

test("of a leg that is gone nothing is said", async () => {
  talkKey(true, at("whisper"));
  await told();
  ours.length = 0;
  talkKey(false, null);
  expect(await told()).toEqual([]);
});
