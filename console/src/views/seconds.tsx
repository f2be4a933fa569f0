// Numbers that go on by themselves; painted, not rendered.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { clock } from "../store/facts";
import { onPaint } from "../ui/painter";

/** Seconds until a moment of `performance.now()`. */
export function Seconds({ until }: { until: number }): JSX.Element {
  return <Painted value={(now) => `${Math.max(0, Math.ceil((until - now) / 1000))} s`} />;
}

/** How long something has lasted, of which `seconds` were over at the moment `at`. */
export function Lasting({ seconds, at, goesOn }: { seconds: number; at: number; goesOn: boolean }): JSX.Element {
  return <Painted value={(now) => clock(seconds + (goesOn ? Math.max(0, now - at) / 1000 : 0))} />;
}

export function Painted({ value }: { value: (now: number) => string }): JSX.Element {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => onPaint((now) => write(place.current, value(now))));
  return <span ref={place} class="number">{value(performance.now())}</span>;
}

/** Write only what has changed: each write costs a layout. */
export function write(element: HTMLElement | null, text: string): void {
  if (element?.firstChild?.nodeType === Node.TEXT_NODE && element.childNodes.length === 1) {
    const node = element.firstChild as Text;
    if (node.data !== text) node.data = text;
  } else if (element && element.textContent !== text) element.textContent = text;
}
