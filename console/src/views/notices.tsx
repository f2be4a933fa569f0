// Notices, newest last; each of a call carries a link that listens to it.
import type { JSX } from "preact";
import { calls } from "../store/desk";
import { notices, putAway } from "../store/notices";
import { listenLink } from "../store/route";
import { Icon } from "../ui/icons";

export function Notices(): JSX.Element {
  return (
    <section class="notices" aria-label="Notices" aria-live="polite">
      {notices.value.map(({ id, tone, title, text, call }) => (
        <div key={id} class={`notice ${tone}`}>
          <div>
            <strong>{title}</strong>
            {text && <p>{text}</p>}
          </div>
          {call && calls.live.has(call) && (
            <a class="button small" href={listenLink(call)} onClick={() => putAway(id)}><Icon name="listen" /> Listen</a>
          )}
          <button class="quiet square small" aria-label={`Put away: ${title}`} onClick={() => putAway(id)}><Icon name="close" /></button>
        </div>
      ))}
    </section>
  );
}
