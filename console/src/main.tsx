// The supervisor's page: who signed in sees the board; the rest follows from what the server says.
import { effect } from "@preact/signals";
import { render, type JSX } from "preact";
import { theme } from "./store/choices";
import { calls, hello, isFilled } from "./store/desk";
import { cameByLink, comeBack } from "./store/entrance";
import { supervise } from "./store/acting";
import { callLink, go, listenLink, replace, route } from "./store/route";
import { tellWhatIsSeen } from "./store/sight";
import { watchEvents } from "./store/watching";
import { forgetColours } from "./ui/strip";
import { Agents } from "./views/agents";
import { bindKeys } from "./views/bindings";
import { Board } from "./views/board";
import { CallPage } from "./views/call";
import { Dialogs } from "./views/dialogs";
import { Ended } from "./views/ended";
import { PastPage } from "./views/past";
import { Shell } from "./views/shell";
import { SignIn } from "./views/sign_in";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/board.css";
import "./styles/call.css";
import "./styles/past.css";

function Console(): JSX.Element {
  if (!hello.value) return <SignIn />;
  return (
    <>
      <Shell><Page /></Shell>
      <Dialogs />
    </>
  );
}

function Page(): JSX.Element {
  const now = route.value;
  if (now.page === "agents") return <Agents />;
  if (now.page === "ended") return <Ended />;
  if (now.page === "past") return <PastPage key={now.id} id={now.id} />;
  if (now.page === "call" || now.page === "listen") return <CallPage id={now.call} />;
  return <Board />;
}

// A link of a notice joins as soon as the calls are there.
effect(() => {
  const now = route.value;
  if (now.page !== "listen" || !isFilled.value) return;
  queueMicrotask(() => {
    replace(callLink(now.call));
    void supervise(now.call, "listen");
  });
});

// Whoever came by a link sees one call, and came to listen to it.
effect(() => {
  if (!cameByLink.value || !isFilled.value) return;
  const call = calls.live.keys().next().value;
  if (call) queueMicrotask(() => go(listenLink(call)));
});

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
  forgetColours();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forgetColours);

watchEvents();
tellWhatIsSeen();
bindKeys();
comeBack();
render(<Console />, document.getElementById("console")!);
