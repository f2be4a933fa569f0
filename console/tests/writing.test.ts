// A key that asks for a text: what is typed next is that text, and no command. Page, desk and choices are the test's.
import { beforeEach, expect, test, vi } from "vitest";
import { call } from "./said";

const { done, page } = vi.hoisted(() => {
  const page = { down: (_: object) => {}, fields: {} as Record<string, { focus(): void }> };
  const row = { dataset: { call: "c1" }, closest: (which: string): unknown => (which === "[data-call]" ? row : null) };
  vi.stubGlobal("addEventListener", (kind: string, what: (event: object) => void) => void (kind === "keydown" && (page.down = what)));
  vi.stubGlobal("document", {
    activeElement: row,
    addEventListener: () => undefined,
    getElementById: (id: string) => page.fields[id] ?? null,
    querySelector: () => null,
  });
  vi.stubGlobal("Element", class {});
  return { done: [] as string[], page };
});
vi.mock("../src/store/acting", () => ({ mayMessage: () => false, supervise: (id: string, mode: string) => done.push(`${mode} ${id}`) }));
vi.mock("../src/store/annotations", () => ({ takesNotes: () => true }));
vi.mock("../src/store/choices", async () => ({ singleKeys: (await import("@preact/signals")).signal(true) }));
vi.mock("../src/store/desk", async () => {
  const { signal } = await import("@preact/signals");
  return { calls: { live: new Map([["c1", { call: call("c1") }]]) }, hello: signal({}), mayBe: () => true, seat: signal(null) };
});
vi.mock("../src/store/route", async () => ({ route: (await import("@preact/signals")).signal({ page: "calls" }) }));
vi.mock("../src/audio/devices", () => ({}));
vi.mock("../src/views/acts", () => ({}));
vi.mock("../src/views/dock", () => ({}));

/** A page anew, with nothing asked for. */
async function opened(): Promise<() => boolean> {
  vi.resetModules();
  const { bindKeys } = await import("../src/views/bindings");
  const { isComing } = await import("../src/views/dialogs");
  bindKeys();
  return isComing;
}

const press = (key: string): void => page.down({ key, target: null, preventDefault: () => undefined });

beforeEach(() => {
  done.length = 0;
  page.fields = {};
});

test("letters are commands for the row that has the focus", async () => {
  await opened();
  press("b");
  expect(done).toEqual(["barge c1"]);
});

test.each(["n", "s"])("after %s on the board letters are none, before the dialog is there and where nothing can be written", async (key) => {
  const isComing = await opened();
  press(key);
  expect(isComing()).toBe(true);
  for (const letter of "by law") press(letter);
  expect(done).toEqual([]);
});

test.each([["n", "note"], ["s", "message"]])("%s goes to the field where the page has it", async (key, field) => {
  const isComing = await opened();
  page.fields[field] = { focus: () => done.push(field) };
  press(key);
  expect([done, isComing()]).toEqual([[field], false]);
});

test("Escape leaves a field, but not one in which a word is being put together", async () => {
  const { leaveByEscape } = await import("../src/ui/keys");
  const typed = (key: string, isComposing = false): void =>
    leaveByEscape({ key, isComposing, currentTarget: { blur: () => done.push(key) } } as unknown as KeyboardEvent);
  typed("Escape", true);
  typed("b");
  expect(done).toEqual([]);
  typed("Escape");
  expect(done).toEqual(["Escape"]);
});

test("keys are called what stands on them", async () => {
  const { nameOf } = await import("../src/ui/keys");
  expect(["j", "Space", "ArrowDown", "ArrowUp", "?"].map(nameOf)).toEqual(["J", "Space", "↓", "↑", "?"]);
});
