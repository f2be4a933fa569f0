// The door: a token, and why one was not taken.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { signIn, status } from "../store/desk";
import { tokenIn } from "../store/route";
import { Bars } from "./shell";

const offered = tokenIn(location.hash);
// What is in the address is seen by whoever looks over a shoulder, and stays in the history.
if (offered) history.replaceState(null, "", location.pathname);

export function SignIn(): JSX.Element {
  const token = useSignal(offered);
  const now = status.value;
  const isBusy = now.is === "connecting";
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = token.value.trim();
    if (/^[\x21-\x7e]+$/.test(given)) signIn(given);
  };
  return (
    <main class="door">
      <form class="card" onSubmit={submit}>
        <span class="brand" aria-hidden="true"><Bars /></span>
        <h1>Sign in</h1>
        <p class="dim">See the calls that are yours to see, and listen in.</p>
        <label for="token">Token</label>
        <input id="token" type="password" autocomplete="current-password" spellcheck={false} required value={token.value}
          aria-describedby="why" onInput={({ currentTarget }) => (token.value = currentTarget.value)} />
        <p id="why" class="why" role="alert">{whyNot()}</p>
        <button class="solid wide" disabled={isBusy}>{isBusy ? "Signing in" : "Sign in"}</button>
      </form>
    </main>
  );
}

function whyNot(): string {
  const now = status.value;
  if (now.is === "waiting") return "The server does not answer. It is being tried again.";
  if (now.is !== "refused") return "";
  if (now.code === 4401) return "The server does not know this token, or knows it no longer.";
  return now.text || "The server refuses the connection.";
}
