// Which rows are on the screen.
import { expect, test } from "vitest";
import { visible } from "../src/ui/window";

test("only rows near the screen are made", () => {
  const { from, to } = visible(20_000, 800, 40, 1000);
  expect(from).toBeLessThanOrEqual(500);
  expect(to).toBeGreaterThanOrEqual(520);
  expect(to - from).toBeLessThan(40);
});

test("the ends of the list are kept to", () => {
  expect(visible(0, 800, 40, 3)).toEqual({ from: 0, to: 3 });
  expect(visible(99_999, 800, 40, 10)).toEqual({ from: 10, to: 10 });
  expect(visible(0, 800, 40, 0)).toEqual({ from: 0, to: 0 });
});
