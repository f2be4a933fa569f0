// Which events a supervisor is told of by a notice, while he looks at something else.
import type { Event } from "../protocol/messages";
import { calls, hello, onEvent } from "./desk";
import { whomOf, type Follow } from "./follows";
import { notify } from "./notices";

export function watchEvents(): void {
  onEvent(tell);
}

function tell(event: Event): void {
  const agent = event.call?.agent || event.call?.called || "a call";
  const about = { call: event.call_id, once: `${event.kind}:${event.call_id}`, sound: true };
  switch (event.kind) {
    case "quality.dropped":
      return notify("warn", `${agent} sounds bad`, quality(event), about);
    case "call.help":
      return notify("bad", `${agent} asks for help`, event.call?.help ?? "", { ...about, once: "" });
    case "guest.failed":
      return notify("warn", "The third one was not reached", String(event.detail?.["cause"] ?? ""), { call: event.call_id });
    case "follow.joined":
      return notify("plain", `You hear ${calls.live.get(event.call_id)?.call.agent ?? "a call"}`, "You have followed there, and nobody hears you.", { sound: true });
    case "follow.over":
      return notify("plain", `You follow ${whomOf(event.detail as unknown as Follow)} no more`);
    case "supervisor.joined":
      return others(event, "joins");
    case "trunk.down":
      return notify("bad", `Trunk ${String(event.detail?.["trunk"] ?? "")} is down`, String(event.detail?.["target"] ?? ""), { ...about, once: "" });
  }
}

function quality(event: Event): string {
  const mos = event.detail?.["mos"];
  return typeof mos === "number" ? `Its score fell to ${mos.toFixed(1)}.` : "";
}

/** Somebody else comes to a call that we are in. */
function others(event: Event, does: string): void {
  const me = hello.peek()?.identity;
  const legs = event.call?.legs ?? [];
  const who = legs.find(({ leg }) => leg === event.leg)?.identity;
  if (who && who !== me && legs.some(({ identity }) => identity === me)) notify("plain", `${who} ${does} your call`);
}
