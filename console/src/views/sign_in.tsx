// The door: name and password, a token, or a link that lets one listen once; and why somebody was not let in.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { door, tenant } from "../store/choices";
import { status } from "../store/desk";
import { byLink, byPassword, byToken, isEntering, lookForWays, toIssuer, ways, why } from "../store/entrance";
import { secretIn, tokenIn } from "../store/route";
import { Icon } from "../ui/icons";
import { Bars } from "./shell";

const offered = tokenIn(location.hash);
// What is in the address is seen by whoever looks over a shoulder, and stays in the history.
if (offered) history.replaceState(null, "", location.pathname);

export function SignIn(): JSX.Element {
  const link = useSignal(secretIn(location.hash));
  const isByToken = useSignal(Boolean(offered) || door.peek() === "token");
  const turn = (byToken: boolean) => (): void => {
    why.value = "";
    isByToken.value = byToken;
  };
  useEffect(() => void lookForWays(), []);
  if (link.value) return <ByLink used={() => (link.value = "")} link={link.value} />;
  if (!ways.value) return <main class="door" aria-busy="true"><h1 class="sr">Sign in</h1></main>;
  if (!isByToken.value && !ways.value.password && ways.value.redirects.length) return <ByIssuer other={turn(true)} />;
  if (isByToken.value || !ways.value.password) return <ByToken other={turn(false)} />;
  return <ByPassword other={turn(true)} />;
}

interface Door {
  readonly title: string;
  readonly says: string;
  readonly enter: () => void;
  readonly children: ComponentChildren;
}

/** What goes first has the focus; why one was not let in stands until something else is tried. */
function Door({ title, says, enter, children }: Door): JSX.Element {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("input, button")?.focus(), []);
  const forget = (): void => void (why.value = "");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    enter();
  };
  return (
    <main class="door">
      <form ref={form} class="card" onSubmit={submit} onInput={forget} onInvalidCapture={forget}>
        <span class="brand" aria-hidden="true"><Bars /></span>
        <h1>{title}</h1>
        <p class="dim">{says}</p>
        {children}
      </form>
    </main>
  );
}

/** Why not, and the button that tries. */
function Enter({ says = "Sign in", children }: { says?: string; children?: ComponentChildren }): JSX.Element {
  const isBusy = isEntering.value || status.value.is === "connecting";
  const reason = why.value || (status.value.is === "waiting" ? "The server does not answer. It is being tried again." : "");
  return (
    <>
      <p id="why" class="why" role="alert">{reason}</p>
      <button class="solid wide" aria-busy={isBusy} disabled={isBusy}>{children} {isBusy ? "Signing in" : says}</button>
    </>
  );
}

/** A button for each issuer that one can go to; where there is no other way they stand out. */
function Issuers({ solid = false }: { solid?: boolean }): JSX.Element {
  return (
    <>
      {ways.value?.redirects.map((name) => (
        <button key={name} type="button" class={solid ? "solid wide" : "wide"} disabled={isEntering.value} onClick={() => toIssuer(name)}>
          Sign in with {name}
        </button>
      ))}
    </>
  );
}

const SAYS = "See the calls that are yours to see, and listen in.";

function ByPassword({ other }: { other: () => void }): JSX.Element {
  const name = useSignal("");
  const password = useSignal("");
  const enter = (): void => {
    door.value = "password";
    void byPassword(tenant.value.trim() || "default", name.value.trim(), password.value).then(() => (password.value = ""));
  };
  return (
    <Door title="Sign in" says={SAYS} enter={enter}>
      <label for="name">Name</label>
      <input id="name" autocomplete="username" autocapitalize="none" spellcheck={false} required value={name.value} aria-describedby="why"
        onInput={({ currentTarget }) => (name.value = currentTarget.value)} />
      <label for="password">Password</label>
      <input id="password" type="password" autocomplete="current-password" required value={password.value} aria-describedby="why"
        onInput={({ currentTarget }) => (password.value = currentTarget.value)} />
      <details open={tenant.peek() !== ""}>
        <summary>Another tenant</summary>
        <label for="tenant">Tenant</label>
        <input id="tenant" autocomplete="organization" spellcheck={false} placeholder="default" value={tenant.value}
          onInput={({ currentTarget }) => (tenant.value = currentTarget.value)} />
      </details>
      <Enter />
      <Issuers />
      <button type="button" class="quiet small" onClick={other}>Use a token</button>
    </Door>
  );
}

function ByIssuer({ other }: { other: () => void }): JSX.Element {
  return (
    <Door title="Sign in" says={SAYS} enter={() => undefined}>
      <p id="why" class="why" role="alert">{why.value}</p>
      <Issuers solid />
      <button type="button" class="quiet small" onClick={other}>Use a token</button>
    </Door>
  );
}

function ByToken({ other }: { other: () => void }): JSX.Element {
  const token = useSignal(offered);
  const enter = (): void => {
    const given = token.value.trim();
    if (!/^[\x21-\x7e]+$/.test(given)) return void (why.value = "A token is one word without accents.");
    door.value = "token";
    byToken(given);
  };
  return (
    <Door title="Sign in" says={SAYS} enter={enter}>
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="current-password" spellcheck={false} required value={token.value}
        aria-describedby="why" onInput={({ currentTarget }) => (token.value = currentTarget.value)} />
      <Enter />
      <Issuers />
      {ways.value?.password && <button type="button" class="quiet small" onClick={other}>Use name and password</button>}
    </Door>
  );
}

/** A link is used up by whoever presses, not by what looks at it on its way; and browsers play no sound before a press. */
function ByLink({ link, used }: { link: string; used: () => void }): JSX.Element {
  const enter = (): void => void byLink(link).then(used);
  return (
    <Door title="Listen to a call" says="Somebody has sent you a link to one call. It works once; nobody on the call hears you." enter={enter}>
      <Enter says="Listen"><Icon name="listen" /></Enter>
    </Door>
  );
}
