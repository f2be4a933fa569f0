// Meters are painted by looking, at most ten times a second, and only those that are on the screen.

const PERIOD_MS = 100;

type Paint = (now: number) => void;

const painters = new Set<Paint>();
let timer: ReturnType<typeof setInterval> | null = null;

function paintAll(): void {
  if (document.hidden) return;
  const now = performance.now();
  for (const paint of painters) paint(now);
}

/** Make a bar so long, 0 to 1. */
export function stretch(bar: HTMLElement | null, part: number): void {
  if (bar) bar.style.transform = `scaleX(${part.toFixed(2)})`;
}

/** Have this called while it is not called off. */
export function onPaint(paint: Paint): () => void {
  painters.add(paint);
  paint(performance.now());
  timer ??= setInterval(paintAll, PERIOD_MS);
  return () => {
    painters.delete(paint);
    if (!painters.size && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}
