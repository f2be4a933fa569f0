// A supervisor's page with nothing but the browser in it: the control API's websocket, and one peer connection.
import { Ear } from "./hearing.js";

const phone = {
  events: [],
  ear: new Ear(),
  replies: new Map(),

  start(url, token) {
    this.socket = new WebSocket(url, ["mediaserver.v1.json", `bearer.${token}`]);
    this.socket.onmessage = ({ data }) => this.heard(JSON.parse(data));
    this.socket.onclose = ({ code }) => this.tell("closed", code);
  },

  heard(message) {
    if (message.type === "reply") {
      const { resolve, reject } = this.replies.get(message.id);
      this.replies.delete(message.id);
      message.ok ? resolve(message.result) : reject(new Error(message.error.text));
    } else if (message.type !== "meters") {
      this.tell(message.kind || message.type, message.leg);
    }
  },

  say(type, fields = {}) {
    const id = crypto.randomUUID();
    this.socket.send(JSON.stringify({ type, id, ...fields }));
    return new Promise((resolve, reject) => this.replies.set(id, { resolve, reject }));
  },

  async join(target, iceTransportPolicy) {
    const { servers } = await this.say("ice_servers");
    this.peer = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy });
    this.peer.ontrack = ({ track }) => this.ear.listen(track);
    this.peer.onconnectionstatechange = () => this.tell(this.peer.connectionState);
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: raw });
    microphone.getTracks().forEach((track) => this.peer.addTrack(track, microphone));
    this.askedAt = performance.now();
    const result = await this.say("supervise", { ...target, offer: await this.offer() });
    this.leg = result.leg;
    this.peer.onicecandidate = ({ candidate }) => candidate && this.say("candidate", { leg: this.leg, candidate: candidate.candidate });
    await this.peer.setRemoteDescription({ type: "answer", sdp: result.answer });
    return this.leg;
  },

  async offer() {
    const offer = await this.peer.createOffer();
    await this.peer.setLocalDescription(offer);
    return offer.sdp;
  },

  async restart() {
    this.peer.restartIce();
    const { answer } = await this.say("reoffer", { leg: this.leg, offer: await this.offer() });
    await this.peer.setRemoteDescription({ type: "answer", sdp: answer });
  },

  // The browser's end of the chosen pair.
  async candidate() {
    const stats = await this.peer.getStats();
    const transport = [...stats.values()].find(({ type }) => type === "transport");
    const pair = stats.get(transport.selectedCandidatePairId);
    return pair ? stats.get(pair.localCandidateId) : { port: 0, candidateType: "" };
  },

  async port() {
    return (await this.candidate()).port;
  },

  async way() {
    return (await this.candidate()).candidateType;
  },

  firstAudioMs() {
    return this.ear.firstAt - this.askedAt;
  },

  tell(name, detail) {
    this.events.push([name, detail === undefined || detail === null ? "" : String(detail)]);
  },
};

window.phone = phone;
