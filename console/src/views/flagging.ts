// A flag on a call: what it stands for is asked; the moment is the one at which it was asked for.
import { annotate } from "../store/annotations";
import { flagLabel } from "../store/choices";
import { calls } from "../store/desk";
import { clock, durationOf } from "../store/facts";
import { labelsOf } from "../store/labels";
import { askFor } from "./dialogs";

/** Ask, then flag; `done` when the server has it. */
export function askFlag(call: string, done?: () => void): void {
  const live = calls.live.get(call);
  // Before the answer there is no moment to count from that would last.
  const seconds = live?.call.answered ? durationOf(live.call, live.receivedAt, performance.now()) : undefined;
  const among = labelsOf([...calls.live.values()].map(({ call }) => call));
  askFor({
    title: live ? "Flag this moment" : "Flag the call",
    label: "Label",
    hint: `${seconds === undefined ? "" : `At ${clock(seconds)}. `}Whoever may see the call sees it.`,
    pattern: ".*\\S.*",
    longest: 64,
    first: flagLabel.peek(),
    among: among.filter((label) => label !== flagLabel.peek()),
    yes: "Flag",
    does: (label) => {
      flagLabel.value = label;
      void annotate(call, "flag", label, seconds).then((isKept) => isKept && done?.());
    },
  });
}
