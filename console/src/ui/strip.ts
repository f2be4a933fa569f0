// The strip that shows who spoke in the last minute: the customer above, the agent below, both amid where they talk at once.
import { AGENT, COLUMNS, CUSTOMER, type Talk } from "../store/talk";

export interface Colours {
  readonly agent: string;
  readonly customer: string;
  readonly both: string;
  readonly rest: string;
}

let known: Colours | null = null;

/** The colours of the present theme. */
export function colours(): Colours {
  if (!known) {
    const style = getComputedStyle(document.documentElement);
    const of = (name: string): string => style.getPropertyValue(name).trim();
    known = { agent: of("--agent"), customer: of("--customer"), both: of("--warn"), rest: of("--line") };
  }
  return known;
}

/** The theme changed. */
export function forgetColours(): void {
  known = null;
}

export function drawStrip(canvas: HTMLCanvasElement, talk: Talk, now: number): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  const { agent, customer, both, rest } = colours();
  const lane = Math.floor(height / 2) - 1;
  context.clearRect(0, 0, width, height);
  context.fillStyle = rest;
  context.fillRect(0, lane, width, 2);
  const step = width / COLUMNS;
  for (let back = 0; back < COLUMNS; back++) {
    const bits = talk.spoke(back, now);
    if (!bits) continue;
    const left = width - (back + 1) * step;
    const isBoth = bits === (AGENT | CUSTOMER);
    if (bits & CUSTOMER) fill(context, isBoth ? both : customer, left, 0, step, lane);
    if (bits & AGENT) fill(context, isBoth ? both : agent, left, lane + 2, step, height - lane - 2);
  }
}

function fill(context: CanvasRenderingContext2D, colour: string, left: number, top: number, width: number, height: number): void {
  context.fillStyle = colour;
  context.fillRect(left, top, width + 0.5, height);
}
