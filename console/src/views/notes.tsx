// Notes and flags along a call, by those who supervise it; where the server keeps such.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { underWay } from "../store/acting";
import { annotate, annotationsOf, mayUnflag, readNotes, takesFlags, takesNotes, unflag, type Annotated } from "../store/annotations";
import { hello } from "../store/desk";
import { draft, draftOf } from "../store/drafts";
import { clock } from "../store/facts";
import { Icon } from "../ui/icons";
import { leaveByEscape } from "../ui/keys";
import { askFlag } from "./flagging";

/** `flagged`: told when a flag was put on the call, or taken back. */
export function Notes({ call, flagged }: { call: Annotated; flagged?: () => void }): JSX.Element | null {
  const text = draftOf("note", call.call);
  const write = (now: string): void => draft("note", call.call, now);
  const isBusy = underWay.value.has(`note:${call.call}`);
  const greeting = hello.value;
  useEffect(() => readNotes(call.call), [call.call, greeting]);
  if (!takesNotes() && !takesFlags()) return null;
  const kept = annotationsOf(call);
  const [flag, note, title] = call.ended ? ["Flag the call", "Note about the call"] : ["Flag this moment", "Note at this moment", "Flag this moment (F)"];
  const begun = Date.parse(call.answered ?? call.started);
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (text.trim() && (await annotate(call.call, "note", text.trim()))) write("");
  };
  return (
    <section class="card">
      <header>
        <h2>Notes</h2>
        {takesFlags() && (
          <button class="small" aria-busy={underWay.value.has(`flag:${call.call}`)} title={title} onClick={() => askFlag(call.call, flagged)}>
            <Icon name="flag" /> {flag}
          </button>
        )}
      </header>
      <ol class="notes">
        {kept.map((one) => (
          <li key={one.id}>
            <span class="number dim">{clock((Date.parse(one.about) - begun) / 1000)}</span>
            {one.kind === "flag" && <Icon name="flag" />}
            <span class="text">{one.text} <span class="dim">{one.by}</span></span>
            {mayUnflag(one) && (
              <button class="small" aria-label={`Take back the flag ${one.text}`} aria-busy={underWay.value.has(`unflag:${one.id}`)} onClick={() => void unflag(call.call, one.id).then((isBack) => isBack && flagged?.())}>
                Take back
              </button>
            )}
          </li>
        ))}
      </ol>
      {takesNotes() && (
        <form class="line" onSubmit={(event) => void add(event)}>
          <label class="sr" for="note">{note}</label>
          <input id="note" value={text} maxLength={4000} placeholder={note} autocomplete="off" onKeyDown={leaveByEscape}
            onInput={({ currentTarget }) => write(currentTarget.value)} />
          <button class="square" aria-label="Keep the note" aria-busy={isBusy} disabled={isBusy || !text.trim()}><Icon name="note" /></button>
        </form>
      )}
    </section>
  );
}
