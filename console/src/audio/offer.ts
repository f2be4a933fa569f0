// What our offers ask of Opus, written into the description that the browser made. Pure.

/** The agent left and the customer right; nothing sent in silence; what is lost made up for. */
export function asksForStereo(sdp: string): string {
  return sdp.replace(/^(a=fmtp:\d+ [^\r\n]*useinbandfec=1)(?![^\r\n]*stereo=1)/gm, "$1;stereo=1;usedtx=1");
}
