// Which page is shown, by the part of the address behind the hash: the server needs to know nothing of it.
import { signal } from "@preact/signals";

export type Route =
  | { readonly page: "calls" }
  | { readonly page: "agents" }
  | { readonly page: "ended" }
  | { readonly page: "past"; readonly id: string }
  | { readonly page: "call"; readonly call: string }
  | { readonly page: "listen"; readonly call: string };

export function parse(hash: string): Route {
  const [page = "", ...rest] = hash.replace(/^#\/?/, "").split("?")[0]!.split("/");
  const id = decode(rest.join("/"));
  if ((page === "call" || page === "listen") && id) return { page, call: id };
  if (page === "ended") return id ? { page: "past", id } : { page };
  return page === "agents" ? { page } : { page: "calls" };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** A token in the address, as the demo's link has it: `#/?token=…`. */
export const tokenIn = (hash: string): string => new URLSearchParams(hash.split("?")[1] ?? "").get("token") ?? "";

/** What a listen-in link carries behind its hash; empty: this is none. */
export const secretIn = (hash: string): string => /^#(msl_[\w-]+)$/.exec(hash)?.[1] ?? "";

export const callLink = (call: string): string => `#/call/${encodeURIComponent(call)}`;
/** What was kept of a call that is over. */
export const pastLink = (call: string): string => `#/ended/${encodeURIComponent(call)}`;
/** Opens the call and joins it. */
export const listenLink = (call: string): string => `#/listen/${encodeURIComponent(call)}`;

export const route = signal<Route>(parse(location.hash));
addEventListener("hashchange", () => (route.value = parse(location.hash)));

export function go(hash: string): void {
  location.hash = hash;
}

/** Go on without a way back to here. */
export function replace(hash: string): void {
  history.replaceState(null, "", hash);
  route.value = parse(hash);
}
