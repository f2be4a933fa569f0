// What a supervisor has chosen for himself.
import { LOOK } from "./labels";
import { choice } from "./remembered";

export type Theme = "system" | "light" | "dark";
export type Ear = "browser" | "phone";

/** How he came in last, and to which tenant; empty: the only one. */
export const door = choice<"password" | "token">("door", "password", ["password", "token"]);
export const tenant = choice<string>("tenant", "");

export const theme = choice<Theme>("theme", "system", ["system", "light", "dark"]);
/** Where he listens: here, or on the phone that the server rings. */
export const ear = choice<Ear>("ear", "browser", ["browser", "phone"]);
/** Whisper and barge begin with the key up. */
export const pushToTalk = choice<boolean>("push_to_talk", false);
export const sounds = choice<boolean>("sounds", true);
export const singleKeys = choice<boolean>("single_keys", true);
/** What a flag stood for last. */
export const flagLabel = choice<string>("flag_label", LOOK);
/** Device ids; empty: the system's own choice. */
export const microphone = choice<string>("microphone", "");
export const speaker = choice<string>("speaker", "");
