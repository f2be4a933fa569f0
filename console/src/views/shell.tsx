// The frame of every page: navigation, the state of the connection, the dock, notices.
import type { ComponentChildren, JSX } from "preact";
import { join } from "../store/acting";
import { calls, connection, hello, isOnline, knows, status } from "../store/desk";
import { signOut } from "../store/entrance";
import { decline, offered } from "../store/resuming";
import { route, type Route } from "../store/route";
import { Icon } from "../ui/icons";
import { openDialog } from "./dialogs";
import { Dock } from "./dock";
import { Notices } from "./notices";
import { Seconds } from "./seconds";

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      <header class="bar">
        <span class="brand" aria-hidden="true"><Bars /></span>
        <nav aria-label="Pages">
          <Tab page="calls" href="#/">Calls</Tab>
          <Tab page="agents" href="#/agents">Agents</Tab>
          {knows("history") && <Tab page="ended" href="#/ended">Ended</Tab>}
        </nav>
        <span class="gap" />
        <State />
        <button class="quiet square" onClick={() => openDialog("keys")} aria-label="Keys" title="Keys (?)"><Icon name="keys" /></button>
        <button class="quiet square" onClick={() => openDialog("settings")} aria-label="Settings" title="Settings (,)"><Icon name="settings" /></button>
        <button class="quiet who" onClick={signOut} title="Sign out">
          <span class="name">{hello.value?.identity}</span> <span class="dim">Sign out</span>
        </button>
      </header>
      <Interrupted />
      <Resume />
      <main id="main" tabIndex={-1}>{children}</main>
      <Dock />
      <Notices />
    </div>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** The page that a page is a part of. */
const PARTS: Readonly<Partial<Record<Route["page"], Route["page"]>>> = { call: "calls", past: "ended" };

function Tab({ page, href, children }: { page: Route["page"]; href: string; children: string }): JSX.Element {
  const here = route.value.page;
  const isHere = page === (PARTS[here] ?? here);
  return <a class="tab" href={href} aria-current={isHere ? "page" : undefined}>{children}</a>;
}

/** The mark of the house. */
export function Bars(): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" focusable="false">
      <rect width="32" height="32" rx="8" class="mark" />
      <path d="M8.500 14v4M13.500 9.500v13M18.500 12v8M23.500 15v2" class="strokes" />
    </svg>
  );
}

function State(): JSX.Element {
  const { is } = status.value;
  const says = is === "open" ? "Live" : is === "connecting" ? "Connecting" : is === "waiting" ? "Interrupted" : "Offline";
  return (
    <span class={`state ${isOnline.value ? "on" : "off"}`} role="status">
      <span class="lamp" aria-hidden="true" />
      {says}
    </span>
  );
}

/** Loaded anew amid a call: back to it. */
function Resume(): JSX.Element | null {
  const call = offered.value;
  const live = calls.live.get(call);
  if (!live) return null;
  return (
    <div class="interrupted" role="status">
      <span>You were in the call of <strong>{live.call.agent || live.call.called}</strong>.</span>
      <button onClick={() => void join(call, "listen")}>Listen again</button>
      <button class="quiet" onClick={decline}>No</button>
    </div>
  );
}

/** What is on the page is old: it says so, and when it will be new. */
function Interrupted(): JSX.Element | null {
  const now = status.value;
  if (now.is !== "waiting") return null;
  return (
    <div class="interrupted" role="alert">
      <span><strong>The connection is interrupted.</strong> What you see is as it was. Next try in <Seconds until={now.until} />.</span>
      <button onClick={() => connection.hurry()}>Try now</button>
    </div>
  );
}
