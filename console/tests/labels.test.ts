// Words that flags have here.
import { expect, test } from "vitest";
import { labelsOf } from "../src/store/labels";

const flagged = (...labels: string[]) => ({ flags: labels.map((label, at) => ({ id: String(at), identity: "anna", at: "", about: "", label })) });

test("the label of most flags comes first, each once, and few of them", () => {
  expect(labelsOf([flagged("praise"), flagged("coach", "praise"), {}])).toEqual(["praise", "coach"]);
  expect(labelsOf([flagged(..."abcdefghij")])).toEqual([..."abcdef"]);
});
