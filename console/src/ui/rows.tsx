// A long list of which only the rows on the screen are in the page.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { visible, type Span } from "./window";

const NARROW = matchMedia("(max-width: 760px)");

interface Given<T> {
  readonly items: readonly T[];
  /** Heights of a row in pixels, on wide and on narrow screens. */
  readonly wide: number;
  readonly narrow: number;
  readonly row: (item: T, place: number, height: number) => ComponentChildren;
  /** Said where there are no rows. */
  readonly nothing: ComponentChildren;
  /** Told which rows are near the screen; null: the list is gone. */
  readonly seen?: (span: Span | null) => void;
}

export function Rows<T>({ items, wide, narrow, row, nothing, seen }: Given<T>): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const span = useSignal({ from: 0, to: 0 });
  const height = useSignal(NARROW.matches ? narrow : wide);
  const size = useRef(0);
  size.current = items.length;
  const look = (): void => {
    const { scrollTop, clientHeight } = place.current!;
    const next = visible(scrollTop, clientHeight, height.peek(), size.current);
    if (next.from !== span.peek().from || next.to !== span.peek().to) {
      span.value = next;
      seen?.(next);
    }
  };
  useEffect(() => {
    const changed = (): void => {
      height.value = NARROW.matches ? narrow : wide;
      look();
    };
    const watcher = new ResizeObserver(changed);
    watcher.observe(place.current!);
    NARROW.addEventListener("change", changed);
    return () => {
      seen?.(null);
      watcher.disconnect();
      NARROW.removeEventListener("change", changed);
    };
  }, []);
  useEffect(look, [items.length]);
  return (
    <div ref={place} class="rows" onScroll={look}>
      <div class="span" role="rowgroup" style={{ height: `${items.length * height.value}px` }}>
        {!items.length && <div role="row"><p role="cell" class="nothing">{nothing}</p></div>}
        {items.slice(span.value.from, span.value.to).map((item, index) => row(item, span.value.from + index, height.value))}
      </div>
    </div>
  );
}
