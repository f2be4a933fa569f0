// What the talk key says to the server. Desk and choices are the test's.
import { beforeEach, expect, test, vi } from "vitest";
import { talkKey } from "../src/store/acting";
import { pushToTalk } from "../src/store/choices";
import type { Seat } from "../src/store/desk";
import { leg } from "./said";

const { asked } = vi.hoisted(() => ({ asked: [] as [string, object][] }));
vi.mock("../src/store/choices", async () => ({ pushToTalk: (await import("@preact/signals")).signal(true) }));
vi.mock("../src/store/desk", () => ({ connection: { ask: async (type: string, fields: object) => void asked.push([type, fields]) }, seat: { peek: () => null } }));

const at = (mode: "listen" | "whisper"): Seat => ({ live: {} as Seat["live"], leg: leg(3, "supervisor", { mode }) });
const told = async (): Promise<unknown> => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return asked.splice(0);
};
const said = (muted: boolean): unknown => ["mute", { leg: 3, muted }];

beforeEach(() => void (pushToTalk.value = true));

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
