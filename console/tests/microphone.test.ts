// A microphone that the browser does not give. Browser, desk and choices are the test's.
import { beforeEach, expect, test, vi } from "vitest";
import { call, leg } from "./said";

const { asked, media } = vi.hoisted(() => {
  const media = { addEventListener: () => undefined, getUserMedia: (): Promise<never> => Promise.reject(new Error()) };
  vi.stubGlobal("window", { isSecureContext: true });
  vi.stubGlobal("navigator", { mediaDevices: media });
  return { asked: [] as string[], media };
});
vi.mock("../src/store/choices", async () => {
  const { signal } = await import("@preact/signals");
  return { microphone: signal(""), pushToTalk: signal(false), sounds: signal(false) };
});
vi.mock("../src/store/desk", async () => {
  const { signal } = await import("@preact/signals");
  const { openMicrophone } = await import("../src/audio/devices");
  const mine = leg(3, "supervisor", { identity: "anna", mode: "listen" });
  return {
    browserLeg: { number: signal(3), speak: () => openMicrophone() },
    calls: { live: new Map([["c1", { call: call("c1", { legs: [mine] }) }]]) },
    connection: { ask: async (type: string) => void asked.push(type) },
    hello: signal({ identity: "anna" }),
  };
});
const { supervise } = await import("../src/store/acting");
const { notices } = await import("../src/store/notices");

beforeEach(() => void (notices.value = []));

test.each([
  ["NotAllowedError", "Allow it for this page, by the sign beside its address, and try again."],
  ["NotFoundError", "The system has none: plug one in, and try again."],
  ["AbortError", "It says: no."],
])("after %s it is told what is missing, what helps, and that the call is still heard; no mode is asked for", async (name, helps) => {
  media.getUserMedia = () => Promise.reject(new DOMException("no", name));
  expect(await supervise("c1", "whisper")).toBe(false);
  expect(notices.value.map(({ title, text }) => [title, text])).toEqual([
    ["The browser gave no microphone", `${helps} You still hear the call; nobody hears you.`],
  ]);
  expect(asked).toEqual([]);
});
