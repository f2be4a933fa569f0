// What a page hears, kept as samples of 8 kHz, and when the first sound came.
export class Ear {
  constructor() {
    this.blocks = [];
    this.firstAt = 0;
  }

  // The audio element makes Chromium play the stream, without which it gives nothing to anybody else.
  listen(track) {
    const stream = new MediaStream([track]);
    this.element = new Audio();
    this.element.srcObject = stream;
    this.element.play();
    this.context = new AudioContext({ sampleRate: 8000 });
    const tap = this.context.createScriptProcessor(256, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => this.take(inputBuffer.getChannelData(0));
    this.context.createMediaStreamSource(stream).connect(tap);
    tap.connect(this.context.destination);
    this.tap = tap;
  }

  take(samples) {
    const block = Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768))));
    if (!this.firstAt && block.some((sample) => Math.abs(sample) > 500)) {
      this.firstAt = performance.now();
    }
    this.blocks.push(block);
  }

  // The next so many seconds, in base64.
  async record(seconds) {
    this.blocks = [];
    while (this.blocks.length * 256 < seconds * 8000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const bytes = new Uint8Array(Int16Array.from(this.blocks.flatMap((block) => [...block])).buffer);
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }
}
