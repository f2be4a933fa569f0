// Dialogs: settings with the devices, the keys, and questions before what cannot be undone.
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { lookForDevices, mayChooseSpeaker, mayUseMicrophone, microphones, openMicrophone, speakers } from "../audio/devices";
import { chime } from "../audio/sounds";
import * as choices from "../store/choices";
import type { Link } from "../store/acting";
import { browserLeg, takesBrowsers } from "../store/desk";
import { tellRefusal } from "../store/notices";
import { Icon } from "../ui/icons";
import { keys, nameOf } from "../ui/keys";
import { StreamLevel } from "./dock";

interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly does: () => void;
}

/** Something that has to be said before it is done. */
interface Wanted {
  readonly title: string;
  readonly label: string;
  readonly hint: string;
  /** What may be said, and how long it is at most. */
  readonly pattern: string;
  readonly longest: number;
  /** What most would say. */
  readonly first?: string;
  /** What others say: one press says it too. */
  readonly among?: readonly string[];
  readonly yes: string;
  readonly does: (said: string) => void;
}

/** Something that cannot be done, and why. */
interface Said {
  readonly title: string;
  readonly text: string;
}

type Open = "settings" | "keys" | Question | Wanted | Said | Link | null;

const open = signal<Open>(null);
/** What is on the screen of it. */
let shown: Open = null;

export const openDialog = (which: "settings" | "keys"): void => void (open.value = which);
export const confirmFirst = (question: Question): void => void (open.value = question);
export const askFor = (wanted: Wanted): void => void (open.value = wanted);
export const tell = (said: Said): void => void (open.value = said);
export const showLink = (link: Link): void => void (open.value = link);
/** Whether one was asked for that is not there yet: what is typed now is meant for it. */
export const isComing = (): boolean => open.peek() !== null && open.peek() !== shown;
const close = (): void => void (open.value = null);

export function Dialogs(): JSX.Element | null {
  const which = open.value;
  if (which === null) return null;
  if (which === "settings") return <Settings />;
  if (which === "keys") return <Keys />;
  if ("address" in which) return <ShowLink link={which} />;
  if ("label" in which) return <Want key={which.title} wanted={which} />;
  if (!("yes" in which)) return <Tell key={which.title} said={which} />;
  return <Ask key={which.title} question={which} />;
}

function Dialog({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  const place = useRef<HTMLDialogElement>(null);
  const mine = useRef(open.peek());
  // Before the next key: no letter falls between the one that asked and the field.
  useLayoutEffect(() => {
    // One that the browser has closed is shown again where the same was asked for anew meanwhile.
    shown = mine.current = open.peek();
    if (!place.current?.open) place.current?.showModal();
  });
  // Closed and not just taken away: the focus goes back to where it was.
  useLayoutEffect(() => () => {
    shown = null;
    place.current?.close();
  }, []);
  const closed = (): void => void (!place.current?.open && open.peek() === mine.current && close());
  const outside = (event: MouseEvent): void => void (event.target === place.current && close());
  return (
    <dialog ref={place} aria-labelledby="dialog-title" onClose={closed} onClick={outside}>
      <div class="dialog">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button class="quiet square" aria-label="Close" onClick={close}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

function Ask({ question }: { question: Question }): JSX.Element {
  const yes = (): void => {
    close();
    question.does();
  };
  return (
    <Dialog title={question.title}>
      <p>{question.text}</p>
      <footer>
        <button autoFocus onClick={close}>Cancel</button>
        <button class="danger" onClick={yes}>{question.yes}</button>
      </footer>
    </Dialog>
  );
}

/** The focus is on what is said: nothing that is typed presses a button. */
function Tell({ said }: { said: Said }): JSX.Element {
  return (
    <Dialog title={said.title}>
      <p tabIndex={-1} autoFocus>{said.text}</p>
    </Dialog>
  );
}

function Want({ wanted }: { wanted: Wanted }): JSX.Element {
  const said = useSignal(wanted.first ?? "");
  const say = (what: string): void => {
    close();
    wanted.does(what.trim());
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    say(said.value);
  };
  return (
    <Dialog title={wanted.title}>
      <form onSubmit={submit}>
        <label class="field"><span>{wanted.label}</span>
          <input autoFocus required maxLength={wanted.longest} pattern={wanted.pattern} autocomplete="off" value={said.value} aria-describedby="hint"
            onFocus={({ currentTarget }) => currentTarget.select()} onInput={({ currentTarget }) => (said.value = currentTarget.value)} />
        </label>
        {wanted.among && wanted.among.length > 0 && (
          <div class="flags" role="group" aria-label={`${wanted.label}s in use`}>
            {wanted.among.map((one) => <button key={one} type="button" class="flag" onClick={() => say(one)}>{one}</button>)}
          </div>
        )}
        <p id="hint" class="dim">{wanted.hint}</p>
        <footer>
          <button type="button" onClick={close}>Cancel</button>
          <button class="solid">{wanted.yes}</button>
        </footer>
      </form>
    </Dialog>
  );
}

function ShowLink({ link }: { link: Link }): JSX.Element {
  const place = useRef<HTMLInputElement>(null);
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    place.current?.select();
    await navigator.clipboard.writeText(link.address);
    isCopied.value = true;
  };
  return (
    <Dialog title="A listen-in link">
      <p>Whoever opens it first may listen to this call, within {Math.round(link.seconds)} s, and nobody after him.</p>
      <label class="field"><span>Link</span><input ref={place} readOnly value={link.address} onFocus={() => place.current?.select()} /></label>
      <footer>
        <span role="status" class="dim">{isCopied.value && "Copied"}</span>
        <button class="solid" onClick={() => void copy().catch(tellRefusal)}>Copy</button>
      </footer>
    </Dialog>
  );
}

function Keys(): JSX.Element {
  return (
    <Dialog title="Keys">
      {(["Calls", "Speaking", "Page"] as const).map((group) => (
        <section key={group} class="keys">
          <h3>{group}</h3>
          <dl>
            {keys().filter((key) => key.group === group).map(({ key, says }) => (
              <div key={key}>
                <dt><kbd>{nameOf(key)}</kbd></dt>
                <dd>{says}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <p class="dim">Keys act on the call that has the focus, else on the one that you are in. They rest while you type; Escape leaves a note or a message.</p>
    </Dialog>
  );
}

function Settings(): JSX.Element {
  useEffect(() => void lookForDevices(), []);
  return (
    <Dialog title="Settings">
      <fieldset>
        <legend>Listening</legend>
        <Choice label="Listen" of={choices.ear} options={[["browser", "in this browser"], ["phone", "on my phone, which the server rings"]]} />
        {!takesBrowsers.value && <p class="dim">This server rings your phone: it takes no browsers.</p>}
        {mayChooseSpeaker() && <Device label="Loudspeaker" of={choices.speaker} among={speakers.value} />}
      </fieldset>
      <fieldset>
        <legend>Speaking</legend>
        <Device label="Microphone" of={choices.microphone} among={microphones.value} />
        <MicrophoneTest />
        <Check label="Push-to-talk: whisper and barge begin muted, T or space opens the microphone" of={choices.pushToTalk} />
      </fieldset>
      <fieldset>
        <legend>Page</legend>
        <Choice label="Colours" of={choices.theme} options={[["system", "as the system"], ["light", "light"], ["dark", "dark"]]} />
        <Check label="Sounds with notices" of={choices.sounds} then={(isOn) => isOn && chime("plain")} />
        <Check label="Keys of one letter" of={choices.singleKeys} />
      </fieldset>
    </Dialog>
  );
}

interface Of<T> {
  value: T;
}

function Choice<T extends string>({ label, of, options }: { label: string; of: Of<T>; options: readonly (readonly [T, string])[] }): JSX.Element {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={of.value} onChange={({ currentTarget }) => (of.value = currentTarget.value as T)}>
        {options.map(([value, says]) => <option key={value} value={value}>{says}</option>)}
      </select>
    </label>
  );
}

function Device({ label, of, among }: { label: string; of: Of<string>; among: readonly MediaDeviceInfo[] }): JSX.Element {
  const options = [["", "the system's choice"], ...among.map(({ deviceId, label: name }, index) => [deviceId, name || `${label} ${index + 1}`])];
  const chosen = (value: string): void => {
    of.value = value;
    void browserLeg.useChosen().catch(tellRefusal);
  };
  return (
    <label class="field">
      <span>{label}</span>
      <select value={of.value} onChange={({ currentTarget }) => chosen(currentTarget.value)}>
        {options.map(([value, says]) => <option key={value} value={value}>{says}</option>)}
      </select>
    </label>
  );
}

function Check({ label, of, then }: { label: string; of: Of<boolean>; then?: (isOn: boolean) => void }): JSX.Element {
  const changed = (isOn: boolean): void => {
    of.value = isOn;
    then?.(isOn);
  };
  return (
    <label class="check">
      <input type="checkbox" checked={of.value} onChange={({ currentTarget }) => changed(currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

/** The microphone is opened only while somebody wants to see it move. */
function MicrophoneTest(): JSX.Element {
  const stream = useSignal<MediaStream | null>(null);
  const chosen = choices.microphone.value;
  const stop = (): void => {
    stream.peek()?.getTracks().forEach((track) => track.stop());
    stream.value = null;
  };
  useEffect(() => stop, [chosen]);
  const test = (): void => void (stream.value ? stop() : openMicrophone().then((opened) => (stream.value = opened)).catch(tellRefusal));
  if (!mayUseMicrophone()) return <p class="dim">Browsers give the microphone to pages over HTTPS only.</p>;
  return (
    <div class="field">
      <button class="small" aria-pressed={stream.value !== null} onClick={test}>{stream.value ? "Stop the test" : "Test the microphone"}</button>
      {stream.value ? <StreamLevel stream={stream.value} /> : <span class="level" aria-hidden="true"><span /></span>}
    </div>
  );
}
