// A note about a call, or a text for its agent's phone, by a key: in the field of the call's page, elsewhere in a dialog.
//
// Whoever has pressed the key goes on typing. Where nothing can be written a dialog says so: letters are never commands then.
import type { Call } from "../protocol/messages";
import { mayMessage, sayToAgent } from "../store/acting";
import { annotate, takesNotes } from "../store/annotations";
import { calls } from "../store/desk";
import { draft, draftOf } from "../store/drafts";
import { customerOf } from "../store/facts";
import { notify } from "../store/notices";
import { askFor, tell } from "./dialogs";

const ASKED = {
  note: { label: "Note", longest: 4000, yes: "Keep" },
  message: { label: "Text", longest: 400, yes: "Send" },
} as const;

export function writeNote(id: string): void {
  const call = unlessHere("note", id);
  if (!call) return;
  if (!takesNotes()) return tell({ title: "No notes", text: "This server takes no notes from you." });
  write("note", call, `Note about ${call.agent || call.called} with ${customerOf(call)}`, "Whoever may see the call reads it.", (text) =>
    annotate(id, "note", text).then((isKept) => {
      if (isKept) notify("plain", "The note is kept");
      return isKept;
    }));
}

export function writeMessage(id: string): void {
  const call = unlessHere("message", id);
  if (!call) return;
  if (!call.agent) return tell({ title: "No message", text: "No agent is on this call." });
  if (!mayMessage(call)) return tell({ title: "No message", text: "You may not write to this agent, or the server sends no texts." });
  write("message", call, `Message to ${call.agent}`, "The agent's phone shows it.", (text) => sayToAgent(id, text));
}

/** The call to be written about; none where its page has the field, or where there is none, which is told. */
function unlessHere(field: "note" | "message", id: string): Call | undefined {
  const here = document.getElementById(field);
  if (here) return void here.focus();
  const live = calls.live.get(id);
  if (!live) tell({ title: "Which call?", text: "No live call is chosen. Go to one by J and K, or open one." });
  return live?.call;
}

/** What is refused is not lost: it stands there when one writes again. */
function write(kind: "note" | "message", { call }: Call, title: string, hint: string, send: (text: string) => Promise<boolean>): void {
  askFor({
    ...ASKED[kind],
    title,
    hint,
    pattern: ".*\\S.*",
    first: draftOf(kind, call),
    does: (text) => {
      draft(kind, call, text);
      void send(text).then((isTaken) => isTaken && draft(kind, call, ""));
    },
  });
}
