// What a page that came back from an issuer is told.
import { expect, test } from "vitest";
import { look } from "../src/protocol/told";

const pack = (said: unknown): string => {
  const octets = new TextEncoder().encode(JSON.stringify(said));
  return btoa(String.fromCharCode(...octets)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

test("a session that was opened is told by its csrf, once", () => {
  const { told, forget } = look(`theme=dark; __Host-mediaserver-told=${pack({ csrf: "proof" })}`);
  expect(told).toEqual({ csrf: "proof" });
  expect(forget).toEqual(["__Host-mediaserver-told=; Path=/; Max-Age=0; SameSite=Strict; Secure"]);
});

test("why there is none is told in the server's words", () => {
  const problem = { code: "forbidden", text: "firma says größeres – nein", hint: "again" };
  expect(look(`mediaserver-told=${pack(problem)}`).told).toEqual(problem);
});

test("nothing, and nonsense, is nothing", () => {
  expect(look("")).toEqual({ told: null, forget: [] });
  for (const value of ["", "%%%", "AAAA", pack([]), pack(5), pack({ code: "x" })]) expect(look(`mediaserver-told=${value}`).told).toBeNull();
  expect(look("mediaserver=secret; x")).toEqual({ told: null, forget: [] });
});
