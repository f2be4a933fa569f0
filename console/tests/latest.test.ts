// Of wishes that come faster than they are carried out, the last one counts.
import { expect, test } from "vitest";
import { Latest } from "../src/store/latest";

test("a key that is pressed and released quickly ends released", async () => {
  const done: boolean[] = [];
  const gates: (() => void)[] = [];
  const latest = new Latest<boolean>(
    (wish) => {
      done.push(wish);
      return new Promise<void>((resolve) => gates.push(resolve));
    },
    () => undefined,
  );
  for (const wish of [true, false, true, false]) latest.want(wish);
  expect(done).toEqual([true]);
  gates[0]!();
  await new Promise((resolve) => setTimeout(resolve));
  expect(done).toEqual([true, false]);
  gates[1]!();
  await new Promise((resolve) => setTimeout(resolve));
  expect(done).toEqual([true, false]);
});

test("a wish that fails is told of, and the next one carried out", async () => {
  const failed: unknown[] = [];
  const done: number[] = [];
  const latest = new Latest<number>(
    async (wish) => {
      if (wish === 1) throw new Error("no");
      done.push(wish);
    },
    (error) => failed.push(error),
  );
  latest.want(1);
  latest.want(2);
  await new Promise((resolve) => setTimeout(resolve));
  expect(failed).toHaveLength(1);
  expect(done).toEqual([2]);
});
