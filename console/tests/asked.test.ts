// The answer to the last asking counts.
import { expect, test } from "vitest";
import { Asked } from "../src/store/asked";

interface Gate {
  readonly answer: (said: string) => void;
  readonly refuse: (why: unknown) => void;
}

function asked(): { question: Asked<[string], string>; gates: Gate[] } {
  const gates: Gate[] = [];
  return { gates, question: new Asked<[string], string>(() => new Promise((answer, refuse) => gates.push({ answer, refuse }))) };
}

test("an answer that comes late is not shown in the place of a later one", async () => {
  const { question, gates } = asked();
  const both = [question.again("one"), question.again("two")];
  gates[1]!.answer("second");
  gates[0]!.answer("first");
  await Promise.all(both);
  expect(question.told.value).toEqual({ value: "second", fault: null, isAsking: false });
});

test("what was told stays until there is an answer, and goes where there is none", async () => {
  const { question, gates } = asked();
  const first = question.again("one");
  gates[0]!.answer("first");
  await first;
  const again = question.again("one");
  expect(question.told.value).toEqual({ value: "first", fault: null, isAsking: true });
  gates[1]!.refuse("the database is away");
  await again;
  expect(question.told.value).toEqual({ value: null, fault: "the database is away", isAsking: false });
});

test("what was forgotten does not come back", async () => {
  const { question, gates } = asked();
  const first = question.again("one");
  question.forget();
  gates[0]!.answer("first");
  await first;
  expect(question.told.value).toEqual({ value: null, fault: null, isAsking: false });
});
