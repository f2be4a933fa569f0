// A leg in the browser that comes to nothing stands for nobody at the server either. Browser and server are the test's.
import { expect, test, vi } from "vitest";
import { BrowserLeg } from "../src/audio/leg";

vi.mock("../src/audio/devices", () => ({ isGranted: async () => false, openMicrophone: async () => null, playAtSpeaker: async () => undefined }));

class Peer {
  addTransceiver(): void {}
  close(): void {}
  async createOffer(): Promise<object> {
    return { type: "offer", sdp: "" };
  }
  async setLocalDescription(): Promise<void> {}
  async setRemoteDescription(): Promise<void> {
    throw new Error("of no use");
  }
}

vi.stubGlobal("RTCPeerConnection", Peer);
vi.stubGlobal("Audio", class {});

function joining(meanwhile: (leg: BrowserLeg) => void): { leg: BrowserLeg; asked: [string, unknown][] } {
  const asked: [string, unknown][] = [];
  const answers: Record<string, object> = { ice_servers: { servers: [], lifetime: 60 }, supervise: { leg: 7, answer: "v=0" }, leave: {} };
  const leg = new BrowserLeg(
    async (type, fields) => {
      asked.push([type, fields]);
      if (type === "supervise") meanwhile(leg);
      return { ...answers[type] };
    },
    () => undefined,
  );
  return { leg, asked };
}

test.each([
  ["an answer that the browser cannot take", () => undefined],
  ["a wish that was taken back meanwhile", (leg: BrowserLeg) => leg.close()],
])("%s ends the leg at the server, and what the browser said is thrown", async (_, meanwhile) => {
  const { leg, asked } = joining(meanwhile);
  await expect(leg.join({ call: "c1" })).rejects.toThrow("of no use");
  expect(asked.at(-1)).toEqual(["leave", { leg: 7 }]);
  expect([leg.number.value, leg.way.value]).toEqual([0, "none"]);
});
