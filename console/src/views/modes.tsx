// Listen, whisper, barge and leave: pressed is what the server confirmed, busy is what was asked for.
import type { JSX } from "preact";
import type { Leg, Mode } from "../protocol/messages";
import { leave, supervise, underWay } from "../store/acting";
import { isOnline, mayBe } from "../store/desk";
import { MODES } from "../protocol/messages";
import { Icon } from "../ui/icons";

export const MODE_NAMES: Readonly<Record<Mode, string>> = { listen: "Listen", whisper: "Whisper", barge: "Barge" };
const MODE_KEYS: Readonly<Record<Mode, string>> = { listen: "L", whisper: "W", barge: "B" };
const MODE_SAYS: Readonly<Record<Mode, string>> = {
  listen: "Hear everybody, heard by nobody",
  whisper: "Heard by the agent alone",
  barge: "Heard by everybody",
};

/** The buttons of one call; `leg` is ours in it, where we have one. */
export function Modes({ call, leg, isLarge }: { call: string; leg: Leg | undefined; isLarge?: boolean }): JSX.Element {
  const isJoined = leg?.state === "answered";
  return (
    <div class={`modes ${isLarge ? "large" : ""}`} role="group" aria-label="Supervise">
      {MODES.filter(mayBe).map((mode) => {
        const name = leg ? `mode:${leg.leg}:${mode}` : `supervise:${call}:${mode}`;
        const isBusy = underWay.value.has(name) || underWay.value.has(`supervise:${call}:${mode}`);
        return (
          <button key={mode} class={`mode ${mode}`} aria-pressed={Boolean(isJoined) && leg?.mode === mode} aria-busy={isBusy}
            disabled={!isOnline.value} title={`${MODE_SAYS[mode]} (${MODE_KEYS[mode]})`} onClick={() => void supervise(call, mode)}>
            <Icon name={mode} /> {MODE_NAMES[mode]} {isLarge && <kbd aria-hidden="true">{MODE_KEYS[mode]}</kbd>}
          </button>
        );
      })}
      {leg && (
        <button class="mode leave" aria-busy={underWay.value.has(`leave:${leg.leg}`)} title="Leave the call (X)" onClick={() => void leave(leg.leg)}>
          <Icon name="leave" /> Leave {isLarge && <kbd aria-hidden="true">X</kbd>}
        </button>
      )}
    </div>
  );
}

/** Who supervises, and how. */
export function Chip({ leg, isMine }: { leg: Leg; isMine: boolean }): JSX.Element {
  const mode = leg.state === "answered" ? (leg.mode ?? "listen") : "ringing";
  const name = isMine ? "You" : leg.identity || leg.party;
  const isSilent = leg.muted && mode !== "listen" && mode !== "ringing";
  return (
    <span class={`chip ${mode} ${isSilent ? "silent" : ""}`} title={`${name}: ${mode}${isSilent ? ", muted" : ""}`}>
      <Icon name={mode === "ringing" ? "listen" : isSilent ? "mute" : mode} />
      {name}
      <span class="sr"> {mode}</span>
    </span>
  );
}
