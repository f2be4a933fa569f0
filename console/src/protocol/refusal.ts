// A command that was not carried out: by the server's word, or because the connection went.
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

/** The answer to a command that was under way when the connection was cut: nobody here knows whether it was carried out. */
export const cut = (): Refusal =>
  new Refusal({ code: "cut", text: "the connection was cut", hint: "look at the call before you try again" });
