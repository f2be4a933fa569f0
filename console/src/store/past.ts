// Calls that are over, as the server has kept them: a page of them at a time, and one with all that is known of it.
import { effect, signal } from "@preact/signals";
import type { Page, Past } from "../protocol/past";
import { Asked } from "./asked";
import { connection, hello } from "./desk";
import { ANY, fieldsOf, type Sought } from "./history";

export const sought = signal<Sought>(ANY);
/** By what each page up to the one that is shown is asked; the first by nothing. */
const cursors = signal<readonly string[]>([""]);

const page = new Asked<[Sought, string], Page>((wanted, cursor) => connection.ask("history", fieldsOf(wanted, cursor)) as Promise<unknown> as Promise<Page>);
const one = new Asked<[string], Past>((call) => connection.ask("past_call", { call }) as Promise<unknown> as Promise<Past>);

export const listed = page.told;
export const past = one.told;

export const look = (): void => void page.again(sought.peek(), cursors.peek().at(-1)!);

export function seek(wanted: Sought): void {
  sought.value = wanted;
  turn([""]);
}

export const isFirst = (): boolean => cursors.value.length === 1;
export const newer = (): void => turn(cursors.peek().slice(0, -1));

export function older(): void {
  const next = listed.peek().value?.next;
  if (next) turn([...cursors.peek(), next]);
}

function turn(to: readonly string[]): void {
  cursors.value = to.length ? to : [""];
  look();
}

export const read = (call: string): void => void one.again(call);
/** The database is some tenths of a second behind what was just written. */
const LAG_MS = 1_000;

export const readSoon = (call: string): void =>
  void setTimeout(() => past.peek().value?.call.call === call && read(call), LAG_MS);

export const close = (): void => one.forget();

// Whoever signs in next has seen nothing, and looks for something else.
effect(() => {
  if (hello.value) return;
  page.forget();
  one.forget();
  sought.value = ANY;
  cursors.value = [""];
});
