// JsSIP behind a few words that a test can say over the debugging port. What happens is kept in order in `events`.
import JsSIP from "jssip";
import { Ear } from "./hearing.js";

// As it is: what Chromium would take for noise is the tone that the test judges.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const phone = {
  events: [],
  session: null,
  ear: new Ear(),

  start(url, uri, password) {
    const agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri,
      password,
      register: true,
      session_timers: true,
    });
    for (const name of ["connected", "disconnected", "registered", "unregistered", "registrationFailed"]) {
      agent.on(name, (event) => this.tell(name, event && event.cause));
    }
    agent.on("newRTCSession", ({ session, originator }) => this.take(session, originator));
    this.agent = agent;
    agent.start();
  },

  take(session, originator) {
    this.session = session;
    const listen = (connection) => connection.addEventListener("track", ({ track }) => this.ear.listen(track));
    session.connection ? listen(session.connection) : session.on("peerconnection", ({ peerconnection }) => listen(peerconnection));
    if (originator === "remote") {
      this.tell("incoming", session.remote_identity.uri.user);
    }
    session.on("progress", ({ response }) => this.tell("progress", response && response.status_code));
    session.on("accepted", () => this.tell("accepted"));
    session.on("confirmed", () => this.tell("confirmed"));
    session.on("hold", ({ originator: by }) => this.tell("hold", by));
    session.on("unhold", ({ originator: by }) => this.tell("unhold", by));
    session.on("ended", ({ cause }) => this.tell("ended", cause));
    session.on("failed", ({ cause, message }) => this.tell("failed", (message && message.status_code) || cause));
    session.on("newInfo", ({ originator: by, info }) => this.tell("info", `${by} ${info.contentType}`));
  },

  call(target) {
    this.agent.call(target, { mediaConstraints: { audio: RAW, video: false } });
  },

  answer() {
    this.session.answer({ mediaConstraints: { audio: RAW, video: false } });
  },

  press(digit) {
    this.session.sendDTMF(digit, { transportType: "INFO", duration: 100, interToneGap: 500 });
  },

  tell(name, detail) {
    this.events.push([name, detail === undefined || detail === null ? "" : String(detail)]);
  },
};

window.phone = phone;
