// What the server tells a page that came back from an issuer: a short-lived cookie that no other site can set. Pure.
import type { Problem } from "./messages";

const NAMES = ["__Host-mediaserver-told", "mediaserver-told"];

/** There is a session now, and its csrf; or why there is none. */
export type Told = { readonly csrf: string } | Problem;

export interface Found {
  readonly told: Told | null;
  /** What makes the browser forget the cookies. */
  readonly forget: readonly string[];
}

/** Look into what `document.cookie` says. */
export function look(cookies: string): Found {
  const kept = new Map(cookies.split("; ").map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]));
  const there = NAMES.filter((name) => kept.has(name));
  const forget = there.map((name) => `${name}=; Path=/; Max-Age=0; SameSite=Strict${name.startsWith("__Host-") ? "; Secure" : ""}`);
  return { told: there.length ? read(kept.get(there[0]!)!) : null, forget };
}

function read(value: string): Told | null {
  try {
    const octets = Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const said = JSON.parse(new TextDecoder().decode(octets)) as Record<string, unknown>;
    if (typeof said["csrf"] === "string") return { csrf: said["csrf"] };
    if (typeof said["text"] !== "string") return null;
    return { code: String(said["code"]), text: said["text"], hint: String(said["hint"] ?? "") };
  } catch {
    return null;
  }
}
