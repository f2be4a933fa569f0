// The strip that shows who spoke in the last minute: the customer above, the agent below, both amid where they talk at once.
import { AGENT, COLUMNS, CUSTOMER, type Talk } from "../store/talk";

export interface Colours {
  readonly agent: string;
  readonly customer: string;
  readonly both: string;
  readonly rest: string;
}

let known: Colours | null = null;

/** The colours of the present theme: what an element would have, for a canvas knows no style sheet. */
export function colours(): Colours {
  if (!known) {
    const probe = document.body.appendChild(document.createElement("span"));
    const of = (name: string): string => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    known = { agent: of("--agent"), customer: of("--customer"), both: of("--warn"), rest: of("--line") };
    probe.remove();
  }
  return known;
}

/** The theme changed. */
export function forgetColours(): void {
  known = null;
}

/** The canvas has a pixel a column; a run of columns that are alike is one rectangle. */
export function drawStrip(canvas: HTMLCanvasElement, talk: Talk, now: number): void {
  // Small and drawn twice a second: a surface of the graphics card would cost more than it saves.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  const { width, height } = canvas;
  const { agent, customer, both, rest } = colours();
  const lane = Math.floor(height / 2) - 1;
  context.clearRect(0, 0, width, height);
  context.fillStyle = rest;
  context.fillRect(0, lane, width, 1);
  for (const { bits, left, length } of runs(talk, now)) {
    const isBoth = bits === (AGENT | CUSTOMER);
    context.fillStyle = isBoth ? both : bits === AGENT ? agent : customer;
    if (bits & CUSTOMER) context.fillRect(left, 0, length, lane);
    if (bits & AGENT) context.fillRect(left, lane + 1, length, height - lane - 1);
  }
}

/** Who spoke, from left to right: columns of the same together, the silent ones left out. */
function* runs(talk: Talk, now: number): Generator<{ bits: number; left: number; length: number }> {
  let left = 0;
  let bits = talk.spoke(COLUMNS - 1, now);
  for (let column = 1; column <= COLUMNS; column++) {
    const next = column < COLUMNS ? talk.spoke(COLUMNS - 1 - column, now) : -1;
    if (next === bits) continue;
    if (bits) yield { bits, left, length: column - left };
    left = column;
    bits = next;
  }
}
