"""Opus (RFC 6716) as libopus does it, in the mixer's samples. It resamples by itself between its 48 kHz and our 8 or 16.

A state lies in memory of Python's own, so nothing has to be given back. Stereo frames are (samples, 2), left first.
"""

import ctypes
from typing import Final

import numpy as np

from mixer.arrays import Int16
from mixer.coders import libopus
from mixer.coders.coder import MAX_PACKET_MS, narrow_into, widened
from mixer.coders.opus_packet import pack, packet_ticks, tells_of_the_one_before
from mixer.opus_parameters import OpusParameters

BITRATES: Final = {8_000: 24_000, 16_000: 32_000}
"""Bits a second by sample rate where nobody wants others, with room for FEC (RFC 7587 §3.1.1); more for stereo."""
EXPECTED_LOSS_PERCENT: Final = 10
"""Until `OpusEncoder.expect_loss` knows better: what FEC is made for."""

MAX_PAYLOAD: Final = 1_400
_WHOLE_MS: Final = (10, 20, 40, 60)
"""Packet times that are one frame; others are packed of frames of 10 ms."""
_NOTHING_TO_SEND: Final = 2
"""A packet of so many bytes or fewer need not be sent (libopus's word on DTX)."""
_FAINT: Final = 82
"""Peak, in the 14-bit domain, of what need not be sent: 40 dB below full scale. libopus alone takes tones for silence."""
_FAINT_BLOCKS: Final = 20
"""So long it has to be faint before anything is left out: what a decoder fills pauses with is then as faint."""
_STEREO_SHARE: Final = 2
"""So much more for two channels: with less, libopus draws the two sides together (40 dB apart become 17) …"""
_STEREO_FEC_SHARE: Final = 3
"""… and with FEC beside them; where a remote allows less than this, he gets the sides and no FEC."""
_BANDWIDTHS: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Sample rates that the bandwidths of libopus are worth, in its order."""


class OpusDecoder:
    """One stream's decoder; see `mixer.coders.coder.Decoder`."""

    def __init__(self, sample_rate: int, channels: int = 1) -> None:
        """sample_rate: 8000 or 16000 of what is given; channels: 1 or 2 of it, whatever comes. Raises `OpusUnavailableError`."""
        self._library = libopus.library()
        self._state = ctypes.create_string_buffer(self._library.opus_decoder_get_size(channels))
        self._library.opus_decoder_init(self._state, sample_rate, channels)
        self._wide = _scratch(sample_rate, channels)
        self._address = self._wide.ctypes.data
        self._divisor = 48_000 // sample_rate

    def decode(self, payload: bytes, out: Int16) -> int:
        """See `Decoder`. Several frames in a packet, and frames of 2.5 or 5 ms, come out as one piece."""
        ticks = packet_ticks(payload)
        if not ticks or ticks // self._divisor > len(out):
            return 0
        return self._run(payload, out[: ticks // self._divisor], recovers=False)

    def conceal(self, out: Int16) -> int:
        """See `Decoder`: goes on as it sounded, and fades."""
        return self._run(b"", out[: len(self._wide)], recovers=False)

    def recover(self, following: bytes, out: Int16) -> int:
        """See `Decoder`: what the packet behind a loss tells of it, concealed as far as that is less than ``out``."""
        if not tells_of_the_one_before(following):
            return 0
        return self._run(following, out[: len(self._wide)], recovers=True)

    def _run(self, payload: bytes, out: Int16, *, recovers: bool) -> int:
        count: int = self._library.opus_decode(self._state, payload or None, len(payload), self._address, len(out), recovers)
        if count != len(out):
            return 0
        narrow_into(out, self._wide[:count])
        return count


class OpusEncoder:
    """One listener's encoder; see `mixer.coders.coder.Encoder`."""

    def __init__(self, sample_rate: int, channels: int = 1, parameters: OpusParameters = OpusParameters()) -> None:  # noqa: B008 - frozen
        """sample_rate: 8000 or 16000 of what is taken; channels: 1 or 2 of it. Raises `OpusUnavailableError`.

        The coder for voice (SILK) knows FEC and DTX, but takes one ear for a part of the other: 35 to 50 dB are between them. Who wants
        neither of the two gets both ears from the coder for all sounds (CELT): 60 dB, in half of the time.
        """
        self._library = libopus.library()
        self._state = ctypes.create_string_buffer(self._library.opus_encoder_get_size(channels))
        self._wide = _scratch(sample_rate, channels)
        self._address = self._wide.ctypes.data
        self._block = sample_rate // 100
        self._block_bytes = 2 * channels * self._block
        self._payload = ctypes.create_string_buffer(MAX_PAYLOAD)
        self._skips_silence = parameters.takes_dtx
        usual = BITRATES[sample_rate]
        if channels > 1:
            usual *= _STEREO_FEC_SHARE if parameters.takes_fec else _STEREO_SHARE
        bitrate = min(parameters.bitrate or usual, parameters.max_bitrate)
        takes_fec = parameters.takes_fec and (channels == 1 or bitrate >= _STEREO_FEC_SHARE * BITRATES[sample_rate])
        keeps_apart = channels > 1 and not (takes_fec or parameters.takes_dtx)
        application = libopus.APPLICATION_AUDIO if keeps_apart else libopus.APPLICATION_VOIP
        self._library.opus_encoder_init(self._state, sample_rate, channels, application)
        bandwidth = sum(rate < parameters.max_playback_rate for rate in _BANDWIDTHS[:-1])
        self._set(libopus.SET_BITRATE, bitrate)
        self._set(libopus.SET_MAX_BANDWIDTH, libopus.NARROW_BAND + bandwidth)
        self._set(libopus.SET_VBR, not parameters.is_constant)
        self._set(libopus.SET_COMPLEXITY, parameters.complexity)
        if not keeps_apart:
            self._set(libopus.SET_SIGNAL, libopus.SIGNAL_VOICE)
        self._faint_blocks = 0
        self._set(libopus.SET_DTX, 0)
        self._set(libopus.SET_INBAND_FEC, takes_fec)
        self._sends_fec = takes_fec
        self.expect_loss(EXPECTED_LOSS_PERCENT)

    def expect_loss(self, percent: int) -> None:
        """Tell how many packets in a hundred are lost on the way, so that FEC is worth its bits. Nothing to an encoder without FEC."""
        self._set(libopus.SET_PACKET_LOSS_PERC, min(max(percent, 0), 100) if self._sends_fec else 0)

    def encode(self, frame: Int16) -> bytes:
        """See `Encoder`: a frame of 10 to 60 ms in tens; those of 30 and 50 ms are packed of frames of 10 ms."""
        widened(frame, self._wide)
        blocks = len(frame) // self._block
        if self._skips_silence:
            self._heed_level(frame, blocks)
        size = blocks if 10 * blocks in _WHOLE_MS else 1
        pieces = [self._encode(at, size) for at in range(0, blocks, size)]
        if self._skips_silence and all(len(piece) <= _NOTHING_TO_SEND for piece in pieces):
            return b""
        return pieces[0] if len(pieces) == 1 else pack(pieces)

    def _heed_level(self, frame: Int16, blocks: int) -> None:
        """Let libopus leave out silence only where it is that."""
        is_faint = max(int(frame.max()), -int(frame.min())) <= _FAINT
        was_long = self._faint_blocks >= _FAINT_BLOCKS
        self._faint_blocks = min(self._faint_blocks + blocks, _FAINT_BLOCKS) if is_faint else 0
        if was_long != (self._faint_blocks >= _FAINT_BLOCKS):
            self._set(libopus.SET_DTX, not was_long)

    def _encode(self, at: int, blocks: int) -> bytes:
        """The packet of one frame that begins at a block of the scratch."""
        address, samples = self._address + at * self._block_bytes, blocks * self._block
        length = self._library.opus_encode(self._state, address, samples, self._payload, MAX_PAYLOAD)
        return ctypes.string_at(self._payload, max(length, 0))

    def _set(self, what: int, value: int) -> None:
        self._library.opus_encoder_ctl(self._state, what, value)


def _scratch(sample_rate: int, channels: int) -> Int16:
    """Room for the longest packet's samples in 16 bits."""
    samples = sample_rate * MAX_PACKET_MS // 1000
    return np.zeros(samples if channels == 1 else (samples, channels), dtype=np.int16)
