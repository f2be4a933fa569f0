// What the page remembers: the token for as long as the tab is open, choices for longer.
import { effect, signal, type Signal } from "@preact/signals";

const TOKEN = "mediaserver.token";

export const rememberedToken = (): string => sessionStorage.getItem(TOKEN) ?? "";

export function rememberToken(token: string): void {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

/** A secret of a session, kept for as long as the storage is; empty: none. */
export function rememberedSecret(name: string, storage: Storage): { value: string } {
  const key = `mediaserver.${name}`;
  return {
    get value() { return storage.getItem(key) ?? ""; },
    set value(secret: string) { if (secret) storage.setItem(key, secret); else storage.removeItem(key); },
  };
}

/** A choice that outlives the page. What was stored by something else is not believed. */
export function choice<T extends string | boolean>(name: string, first: T, allowed?: readonly T[]): Signal<T> {
  const key = `mediaserver.${name}`;
  const chosen = signal<T>(parse(localStorage.getItem(key), first, allowed));
  effect(() => localStorage.setItem(key, JSON.stringify(chosen.value)));
  return chosen;
}

function parse<T extends string | boolean>(stored: string | null, first: T, allowed?: readonly T[]): T {
  if (stored === null) return first;
  try {
    const value = JSON.parse(stored) as unknown;
    const isFit = typeof value === typeof first && (!allowed || allowed.includes(value as T));
    return isFit ? (value as T) : first;
  } catch {
    return first;
  }
}
