// A leg in the browser that comes to nothing stands for nobody at the server either. Browser and server are the test's.
import { expect, test, vi } from "vitest";
import { BrowserLeg } from "../src/audio/leg";

vi.mock("../src/audio/devices", () => ({ isGranted: async () => false, openMicrophone: async () => null, playAtSpeaker: async () => undefined }));

class Peer {
  #isClosed = false;
  addTransceiver(): void {}
  close(): void {
    this.#isClosed = true;
  }
  async createOffer(): Promise<object> {
    if (this.#isClosed) throw new Error("closed");
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

test("of two calls that are joined at once the later one is, and the earlier one is asked nothing of", async () => {
  const { leg, asked } = joining(() => undefined);
  const both = [leg.join({ call: "c1" }), leg.join({ call: "c2" })];
  await expect(both[0]).rejects.toThrow("closed");
  await expect(both[1]).rejects.toThrow("of no use");
  expect(asked.filter(([type]) => type === "supervise").map(([, fields]) => (fields as { call: string }).call)).toEqual(["c2"]);
});

test("where the server does not say how browsers come to it, nobody is joining", async () => {
  const leg = new BrowserLeg(() => Promise.reject(new Error("none here")), () => undefined);
  await expect(leg.join({ call: "c1" })).rejects.toThrow("none here");
  expect(leg.way.value).toBe("none");
});
