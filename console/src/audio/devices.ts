// Microphones and loudspeakers of this machine, and how loud a microphone is.
import { signal } from "@preact/signals";
import { NO_MICROPHONE, Refusal } from "../protocol/refusal";
import { microphone, speaker } from "../store/choices";
import { reach } from "../store/talk";

export const microphones = signal<readonly MediaDeviceInfo[]>([]);
export const speakers = signal<readonly MediaDeviceInfo[]>([]);

/** Browsers give a microphone to secure pages only: HTTPS, or this very machine. */
export const mayUseMicrophone = (): boolean => window.isSecureContext && navigator.mediaDevices !== undefined;
export const mayChooseSpeaker = (): boolean => "setSinkId" in HTMLMediaElement.prototype;

export async function lookForDevices(): Promise<void> {
  if (!mayUseMicrophone()) return;
  const devices = await navigator.mediaDevices.enumerateDevices();
  microphones.value = devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId);
  speakers.value = devices.filter(({ kind, deviceId }) => kind === "audiooutput" && deviceId);
}

if (mayUseMicrophone()) navigator.mediaDevices.addEventListener("devicechange", () => void lookForDevices());

/** Whether the microphone can be had without a question to the user. */
export async function isGranted(): Promise<boolean> {
  if (!mayUseMicrophone()) return false;
  try {
    return (await navigator.permissions.query({ name: "microphone" as PermissionName })).state === "granted";
  } catch {
    return false;
  }
}

/** What helps, by the name of the browser's error: its own words say neither that, nor of what they speak. */
const HELP: Readonly<Record<string, string>> = {
  NotAllowedError: "Allow it for this page, by the sign beside its address, and try again.",
  NotFoundError: "The system has none: plug one in, and try again.",
  NotReadableError: "Another program may have it: close that, and try again.",
};

function without(error: unknown): never {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  throw new Refusal({ code: NO_MICROPHONE, text: "The browser gave no microphone", hint: HELP[name] ?? `It says: ${message || name}.` });
}

/** The chosen microphone, or the system's where that one is gone. Throws `Refusal`. */
export async function openMicrophone(): Promise<MediaStream> {
  if (!mayUseMicrophone()) throw new Refusal({ code: NO_MICROPHONE, text: "This page may not use a microphone", hint: "Open it over HTTPS." });
  const chosen = microphone.value ? { deviceId: { ideal: microphone.value } } : {};
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...chosen, echoCancellation: true, noiseSuppression: true } }).catch(without);
  void lookForDevices();
  return stream;
}

/** Have an element play where the user wants it; what is gone is the system's choice again. */
export async function playAtSpeaker(element: HTMLAudioElement): Promise<void> {
  if (!mayChooseSpeaker()) return;
  await element.setSinkId(speaker.value).catch(() => element.setSinkId(""));
}

/** How loud a stream is now, 0 to 1. */
export class LevelMeter {
  readonly #context = new AudioContext();
  readonly #analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
  readonly #samples = new Float32Array(this.#analyser.fftSize);

  constructor(stream: MediaStream) {
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    void this.#context.resume();
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return reach(10 * Math.log10(sum / this.#samples.length + 1e-13));
  }

  close(): void {
    void this.#context.close();
  }
}
