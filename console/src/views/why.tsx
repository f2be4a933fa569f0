// Why something that was asked for is not there, and a way to ask again.
import type { JSX } from "preact";
import { Refusal } from "../protocol/refusal";
import { isOnline } from "../store/desk";

export function Why({ fault, again }: { fault: unknown; again: () => void }): JSX.Element {
  const hint = fault instanceof Refusal ? fault.hint : "";
  return (
    <p class="plea" role="alert">
      <strong>{fault instanceof Error ? fault.message : String(fault)}.</strong> {hint && `${hint}.`} <button class="small" disabled={!isOnline.value} onClick={again}>Try again</button>
    </p>
  );
}
