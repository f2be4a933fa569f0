// The browser as a supervisor's leg: one RTCPeerConnection, whose offers and answers go over the control API.
//
// Rules: we listen without a microphone until there is something to say, unless the user let us have it before.
// The server decides who hears us; here nothing is muted in its place. What has failed is restarted, not rejoined.
import { signal } from "@preact/signals";
import type { Fields, Result } from "../protocol/connection";
import { isGranted, openMicrophone, playAtSpeaker } from "./devices";
import { asksForStereo } from "./offer";

export type Ask = (type: string, fields?: Fields) => Promise<Result>;

/** How the way of the audio is. */
export type Way = "none" | "joining" | "connected" | "interrupted" | "failed";

/** An interruption that lasts so long is not waited out. */
const PATIENCE_MS = 2_000;

export class BrowserLeg {
  readonly way = signal<Way>("none");
  /** The number of our leg; 0: none. */
  readonly number = signal(0);
  readonly microphone = signal<MediaStream | null>(null);
  /** The browser plays nothing before somebody has pressed something. */
  readonly isBlocked = signal(false);
  #peer: RTCPeerConnection | null = null;
  #servers: { list: RTCIceServer[]; until: number } | null = null;
  #patience: ReturnType<typeof setTimeout> | null = null;
  readonly #element = new Audio();

  constructor(
    private readonly ask: Ask,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#element.autoplay = true;
  }

  /** Whether the server takes browsers as legs. */
  async isWelcome(): Promise<boolean> {
    try {
      await this.#iceServers();
      return true;
    } catch {
      return false;
    }
  }

  /** Join a call, or follow. Throws what the server or the browser says, and leaves nothing behind then. */
  async join(target: Fields, how: "supervise" | "follow" = "supervise"): Promise<Result> {
    this.close();
    const iceServers = await this.#iceServers();
    // Whoever was asked to join meanwhile gives way.
    this.close();
    const peer = new RTCPeerConnection({ iceServers });
    this.#peer = peer;
    this.way.value = "joining";
    let leg = 0;
    try {
      await this.#begin(peer);
      const result = await this.ask(how, { ...target, offer: await this.#offer(peer) });
      leg = Number(result["leg"]);
      if (peer === this.#peer) this.number.value = leg;
      peer.onicecandidate = ({ candidate }) => void this.#trickle(candidate);
      await peer.setRemoteDescription({ type: "answer", sdp: String(result["answer"]) });
      return result;
    } catch (error) {
      if (peer === this.#peer) this.close();
      // A leg whose answer is of no use: else it would stand until the server misses the browser.
      if (leg) await this.ask("leave", { leg }).catch(() => undefined);
      throw error;
    }
  }

  /** Have a microphone on the leg: asked for the first time that somebody is to hear us. */
  async speak(): Promise<void> {
    const peer = this.#peer;
    if (!peer || this.microphone.peek()) return;
    await this.#take(peer, await openMicrophone());
    await this.#negotiate(peer);
  }

  /** Another microphone or loudspeaker was chosen. */
  async useChosen(): Promise<void> {
    await playAtSpeaker(this.#element);
    if (this.#peer && this.microphone.peek()) await this.#take(this.#peer, await openMicrophone());
  }

  /** Have what is heard be heard. */
  async play(): Promise<void> {
    try {
      await this.#element.play();
      this.isBlocked.value = false;
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      if (name === "NotAllowedError") this.isBlocked.value = true;
      else if (name !== "AbortError") this.failed(error);
    }
  }

  /** The network may be another one: find the way anew. */
  async restart(): Promise<void> {
    const peer = this.#peer;
    if (!peer || !this.number.peek()) return;
    peer.restartIce();
    await this.#negotiate(peer);
  }

  close(): void {
    if (this.#patience) clearTimeout(this.#patience);
    this.#peer?.close();
    this.#peer = null;
    this.microphone.peek()?.getTracks().forEach((track) => track.stop());
    this.microphone.value = null;
    this.#element.srcObject = null;
    this.isBlocked.value = false;
    this.number.value = 0;
    this.way.value = "none";
  }

  async #begin(peer: RTCPeerConnection): Promise<void> {
    peer.onconnectionstatechange = () => peer === this.#peer && this.#changed(peer.connectionState);
    peer.ontrack = ({ track }) => {
      this.#element.srcObject = new MediaStream([track]);
      void playAtSpeaker(this.#element);
      void this.play();
    };
    if (await isGranted()) {
      const stream = await openMicrophone().catch(() => null);
      if (stream) return this.#take(peer, stream);
    }
    peer.addTransceiver("audio", { direction: "recvonly" });
  }

  async #take(peer: RTCPeerConnection, stream: MediaStream): Promise<void> {
    const [track] = stream.getAudioTracks();
    if (!track || peer !== this.#peer) return stream.getTracks().forEach((one) => one.stop());
    const transceiver = peer.getTransceivers()[0] ?? peer.addTransceiver("audio", { direction: "sendrecv" });
    await transceiver.sender.replaceTrack(track);
    transceiver.direction = "sendrecv";
    this.microphone.peek()?.getTracks().forEach((one) => one.stop());
    this.microphone.value = stream;
  }

  async #negotiate(peer: RTCPeerConnection): Promise<void> {
    const { answer } = await this.ask("reoffer", { leg: this.number.peek(), offer: await this.#offer(peer) });
    if (peer === this.#peer) await peer.setRemoteDescription({ type: "answer", sdp: String(answer) });
  }

  async #offer(peer: RTCPeerConnection): Promise<string> {
    const offer = await peer.createOffer();
    const sdp = asksForStereo(offer.sdp ?? "");
    await peer.setLocalDescription({ type: "offer", sdp });
    return sdp;
  }

  async #trickle(candidate: RTCIceCandidate | null): Promise<void> {
    if (!candidate || !this.number.peek()) return;
    // The server needs them for its log only: a connection that is cut amid them loses nothing.
    await this.ask("candidate", { leg: this.number.peek(), candidate: candidate.candidate }).catch(() => undefined);
  }

  #changed(state: RTCPeerConnectionState): void {
    if (this.#patience) clearTimeout(this.#patience);
    this.#patience = null;
    if (state === "connected") this.way.value = "connected";
    if (state === "disconnected") {
      this.way.value = "interrupted";
      this.#patience = setTimeout(() => void this.restart().catch(this.failed), PATIENCE_MS);
    }
    if (state === "failed") {
      this.way.value = "failed";
      void this.restart().catch(this.failed);
    }
  }

  async #iceServers(): Promise<RTCIceServer[]> {
    if (this.#servers && performance.now() < this.#servers.until) return this.#servers.list;
    const { servers, lifetime } = await this.ask("ice_servers");
    const list = (servers as RTCIceServer[]).map(({ urls, username, credential }) =>
      username ? { urls, username, credential: credential ?? "" } : { urls },
    );
    this.#servers = { list, until: performance.now() + Number(lifetime) * 900 };
    return list;
  }
}
