// The sounds of notices, made here: two soft tones, rising or falling.

let context: AudioContext | null = null;

const TONES: Readonly<Record<"plain" | "warn" | "bad", readonly [number, number]>> = {
  plain: [660, 880],
  warn: [740, 740],
  bad: [880, 587],
};
const LENGTH = 0.14;
const LOUDNESS = 0.06;

export function chime(tone: "plain" | "warn" | "bad"): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
  TONES[tone].forEach((hz, index) => play(context!, hz, context!.currentTime + index * LENGTH));
}

function play(context: AudioContext, hz: number, at: number): void {
  const oscillator = new OscillatorNode(context, { frequency: hz });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + LENGTH * 1.6);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + LENGTH * 1.7);
}
