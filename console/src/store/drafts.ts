// Texts that are being written, by call: neither a glance at the board nor a refusal loses any.
import { effect, signal } from "@preact/signals";
import { hello } from "./desk";

type Kind = "note" | "message";

const drafts = signal<ReadonlyMap<string, string>>(new Map());

export const draftOf = (kind: Kind, call: string): string => drafts.value.get(`${kind}:${call}`) ?? "";

export function draft(kind: Kind, call: string, text: string): void {
  const next = new Map(drafts.peek());
  if (text) next.set(`${kind}:${call}`, text);
  else next.delete(`${kind}:${call}`);
  drafts.value = next;
}

// Whoever signs in next has written nothing.
effect(() => {
  if (!hello.value) drafts.value = new Map();
});
