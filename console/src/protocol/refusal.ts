// A command that was not carried out: by the server's word, because the connection went, or for want of a microphone.
import type { Problem } from "./messages";

export class Refusal extends Error {
  readonly code: string;
  readonly hint: string;

  constructor(problem: Problem) {
    super(problem.text);
    this.code = problem.code;
    this.hint = problem.hint;
  }
}

/** The code where the browser refuses one. */
export const NO_MICROPHONE = "no_microphone";

/** The answer to a command that was under way when the connection was cut: nobody here knows whether it was carried out. */
export const cut = (): Refusal =>
  new Refusal({ code: "cut", text: "the connection was cut", hint: "look at the call before you try again" });
