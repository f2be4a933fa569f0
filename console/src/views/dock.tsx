// The dock: on every page, the call that we are in, and everything that one does in it.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { LevelMeter } from "../audio/devices";
import { mute, setVolume, talkKey, underWay, unfollow, volumesRefused } from "../store/acting";
import { pushToTalk } from "../store/choices";
import { browserLeg, listensHere, seat, type Seat } from "../store/desk";
import { customerOf } from "../store/facts";
import { follows, whomOf } from "../store/follows";
import { callLink, route } from "../store/route";
import { Icon } from "../ui/icons";
import { onPaint, stretch } from "../ui/painter";
import { Modes } from "./modes";

export function Dock(): JSX.Element | null {
  const at = seat.value;
  if (!at) return <Waiting />;
  const call = at.live.said.value;
  const isOnItsPage = route.value.page === "call" && route.value.call === call.call;
  return (
    <section class={`dock ${at.leg.mode ?? ""}`} aria-label="The call that you are in">
      <div class="where">
        <strong>{isOnItsPage ? call.agent || call.called : <a href={callLink(call.call)}>{call.agent || call.called}</a>}</strong>
        <span class="dim">{customerOf(call)}</span>
        <span class="dim said" role="status">{situation(at)}</span>
      </div>
      {browserLeg.isBlocked.value && <button class="solid" onClick={() => void browserLeg.play()}><Icon name="volume" /> Play the sound</button>}
      <Modes call={call.call} leg={at.leg} />
      <Voice at={at} />
      <Volume at={at} />
      {follows.value.map((one) => one.leg === at.leg.leg && (
        <button key={one.follow} class="small" aria-busy={underWay.value.has(`unfollow:${one.follow}`)} onClick={() => void unfollow(one.follow)}>
          <Icon name="close" /> Unfollow {whomOf(one)}
        </button>
      ))}
    </section>
  );
}

/** Between two calls of those that we follow. */
function Waiting(): JSX.Element | null {
  if (!follows.value.length) return null;
  return (
    <section class="dock" aria-label="Following">
      {follows.value.map((one) => (
        <span key={one.follow} class="waiting">
          <Icon name="follow" />
          <span role="status">{one.state === "ringing" ? "Your phone rings, to follow" : "You follow"} <strong>{whomOf(one)}</strong>{one.state === "waiting" && ", who has no call for you now"}</span>
          <button class="small" aria-busy={underWay.value.has(`unfollow:${one.follow}`)} onClick={() => void unfollow(one.follow)}><Icon name="close" /> Unfollow<span class="sr"> {whomOf(one)}</span></button>
        </span>
      ))}
    </section>
  );
}

const INAUDIBLE: Readonly<Record<string, string>> = {
  supervisor_not_sending: "the server gets no audio from you",
  supervisor_held: "you are on hold",
  target_held: "the other side is on hold",
  target_missing: "there is nobody to hear you",
};

/** What is so, in a few words. */
export function situation({ leg }: Seat): string {
  if (leg.state !== "answered") return listensHere.value ? "Joining" : "Your phone rings";
  const way = leg.leg === browserLeg.number.value ? browserLeg.way.value : "connected";
  if (way === "interrupted" || way === "failed") return "Your audio is interrupted; it is being found anew";
  if (leg.inaudible) return `Not heard: ${INAUDIBLE[leg.inaudible] ?? leg.inaudible.replaceAll("_", " ")}`;
  if (leg.mode === "listen") return "Nobody hears you";
  if (leg.muted) return "Muted";
  if (leg.taken_over) return "You speak in the agent's stead";
  return leg.mode === "barge" ? "Everybody hears you" : `The ${leg.target ?? "agent"} hears you`;
}

/** The microphone: its level, mute, and the key to talk. */
function Voice({ at }: { at: Seat }): JSX.Element {
  const { leg } = at;
  const speaks = leg.mode !== "listen";
  return (
    <div class="voice" role="group" aria-label="Your voice">
      <MicrophoneLevel />
      {pushToTalk.value ? <HoldToTalk at={at} isOpen={speaks && !leg.muted} /> : (
        <button class="square" disabled={!speaks} aria-pressed={leg.muted} aria-label={leg.muted ? "Unmute" : "Mute"}
          title="Mute (M)" onClick={() => mute(leg.leg, !leg.muted)}>
          <Icon name={leg.muted ? "mute" : "microphone"} />
        </button>
      )}
    </div>
  );
}

/** What was pressed is released when the finger goes, or the focus, whether or not the server has confirmed the press. */
function HoldToTalk({ at, isOpen }: { at: Seat; isOpen: boolean }): JSX.Element {
  const isHeld = useRef(false);
  const hold = (): void => {
    isHeld.current = true;
    talkKey(true, at);
  };
  const release = (): void => {
    if (isHeld.current) talkKey(false, at);
    isHeld.current = false;
  };
  const point = (event: PointerEvent): void => {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    hold();
  };
  return (
    <button class={`talk ${isOpen ? "open" : ""}`} disabled={at.leg.mode === "listen"} aria-pressed={isOpen} title="Hold to talk (T or space)"
      onPointerDown={point} onPointerUp={release} onPointerCancel={release} onKeyDown={(event) => pressed(event) && hold()} onKeyUp={release} onBlur={release}>
      <Icon name="microphone" /> Hold to talk
    </button>
  );
}

const pressed = (event: KeyboardEvent): boolean => !event.repeat && (event.key === " " || event.key === "Enter");

function MicrophoneLevel(): JSX.Element | null {
  const stream = browserLeg.microphone.value;
  return stream ? <StreamLevel stream={stream} /> : null;
}

/** A bar that follows a stream; a picture for the eye, so readers are not told of it. */
export function StreamLevel({ stream }: { stream: MediaStream }): JSX.Element {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const meter = new LevelMeter(stream);
    const done = onPaint(() => stretch(bar.current, meter.level()));
    return () => {
      done();
      meter.close();
    };
  }, [stream]);
  return <span class="level" aria-hidden="true"><span ref={bar} /></span>;
}

function Volume({ at }: { at: Seat }): JSX.Element {
  void volumesRefused.value;
  const { leg } = at;
  return (
    <label class="volume" title="How loud you hear the call (+ and -)">
      <Icon name="volume" />
      <span class="sr">Volume</span>
      <input type="range" min="0" max="2" step="0.05" value={Math.min(2, leg.hears)} aria-valuetext={`${Math.round(leg.hears * 100)} %`}
        onInput={({ currentTarget }) => setVolume(leg.leg, currentTarget.valueAsNumber)} />
      <span class="number dim">{Math.round(leg.hears * 100)} %</span>
    </label>
  );
}
