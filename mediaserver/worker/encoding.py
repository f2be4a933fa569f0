"""What listeners hear, encoded into the packets of a turn: many at once where tables do it, else a listener at a time.

An encoder with a state begins anew where the leg's codec or its wishes change, where packets were passed through to the leg in
between, and in a worker's heir: nothing of an encoder outlives its worker. How it begins: `warming`.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from mediaserver.worker.due import Due
from mediaserver.worker.handover import TANDEM_DELAY, hand_back, is_last
from mediaserver.worker.outbox import Outbox
from mediaserver.worker.state import Kind, State
from mediaserver.worker.warming import begin
from mixer.arrays import Int16
from mixer.coders.coder import Encoder
from mixer.coders.opening import open_encoder
from mixer.coders.opus import EXPECTED_LOSS_PERCENT, OpusEncoder
from mixer.concealment import faded_in
from mixer.formats import FORMATS, OPUS, PCMA, WIDEBAND
from mixer.g711 import encode as encode_g711
from mixer.l16 import MAX_PAYLOAD as MAX_L16_PAYLOAD
from mixer.l16 import encode_into as encode_l16_into
from rtp.arrays import Bools, Int64, is_alike
from rtp.header import HEADER

MAX_BLOCKS: Final = tuple(12 if form.block_bytes < 100 else MAX_L16_PAYLOAD // form.block_bytes for form in FORMATS)
"""Most blocks of each format in a packet of ours."""
LEAST_LOSS_PERCENT: Final = 5
MOST_LOSS_PERCENT: Final = 30
"""Bounds of the loss that an encoder expects, whatever was reported: reports are old, and a line that loses more needs more than FEC."""
_MARKER: Final = 0x80
_NO_FRAME: Final = {1: b"\x40", 2: b"\x48", 4: b"\x50", 6: b"\x58"}
"""Opus packets whose frame is empty, by their blocks: nothing is said in them (RFC 6716 §3.1, §3.2.1)."""
_BLOCK: Final = 160


@dataclass(slots=True)
class _Line:
    """The encoder of one listener."""

    encoder: Encoder
    codec: int
    parameters: bytes
    channels: int
    expected_loss: int = EXPECTED_LOSS_PERCENT
    is_fresh: bool = True
    is_pausing: bool = False
    """Nothing was sent last, since there was nothing to hear (DTX)."""


class Encoding:
    """Puts encoded frames into the outbox. Holds what is private to this worker: encoders."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox
        self._lines: Final[dict[int, _Line]] = {}
        self._was_passed: Final[Bools] = np.zeros(state.rows, dtype=np.bool_)
        """Rows to which packets were passed through last."""
        self._heard_nothing: Final[Bools] = np.zeros(state.rows, dtype=np.bool_)
        """Inherited rows with Opus to which nothing was sent since."""

    def put(self, due: Due, frames: Int16) -> None:
        """Encode and put out frames (n, samples) of packets (n) of one length, each at the rate of its listener's codec."""
        if self._state.is_g711:
            self._put_g711(due, frames)
            return
        codec = self._state.leg.codec[due.listener]
        if is_alike(codec):
            self._put_alike(due, frames, int(codec[0]))
            return
        for number in np.unique(codec).tolist():
            which = codec == number
            self._put_alike(due.where(which), frames[which], number)

    def _put_alike(self, due: Due, frames: Int16, number: int) -> None:
        """The same of listeners (n) with one codec."""
        frames = frames[:, : MAX_BLOCKS[number] * self._block_of(number)]
        if number <= PCMA:
            self._put_g711(due, frames)
        elif FORMATS[number].has_coder:
            self._put_coded(due, frames, number)
        else:
            self._put_l16(due, frames)

    def put_stereo(self, due: Due, frames: Int16) -> None:
        """The same with frames (n, 2 · samples) of listeners in stereo, left then right."""
        self._put_coded(due, frames.reshape(len(frames), 2, -1).swapaxes(1, 2), OPUS)

    def interrupt(self, listener: Int64) -> None:
        """Packets are passed through to these listeners (n): their encoders begin anew."""
        if self._state.is_g711:
            return
        for row in listener[~self._was_passed[listener]].tolist():
            self._lines.pop(row, None)
        self._was_passed[listener] = True
        self._heard_nothing[listener] = False

    def inherit(self, rows: Int64) -> None:
        """Nobody sent to these rows (n) for a while: what their decoders made up meanwhile has faded."""
        self._heard_nothing[rows] = self._state.leg.codec[rows] == OPUS

    def forget(self, row: int) -> None:
        """The leg of this row ended."""
        self._lines.pop(row, None)
        self._was_passed[row] = self._heard_nothing[row] = False

    def _block_of(self, codec: int) -> int:
        return FORMATS[codec].sample_rate // 100

    def _put_g711(self, due: Due, frames: Int16) -> None:
        size = frames.shape[1]
        self._outbox.room(len(due.listener))[:, HEADER : HEADER + size] = encode_g711(frames, self._state.leg.codec[due.listener])
        self._outbox.put(due.listener, due.marked_type, due.sequence, due.timestamp, size)

    def _put_l16(self, due: Due, frames: Int16) -> None:
        size = 2 * frames.shape[1]
        encode_l16_into(self._outbox.room(len(due.listener))[:, HEADER : HEADER + size], frames)
        self._outbox.put(due.listener, due.marked_type, due.sequence, due.timestamp, size)

    def _put_coded(self, due: Due, frames: Int16, codec: int) -> None:
        room = self._outbox.room(len(due.listener))
        kept: list[int] = []
        sizes: list[int] = []
        for index, row in enumerate(due.listener.tolist()):
            line = self._line(row, codec)
            payload = self._encode(line, row, frames[index])
            if payload:
                room[len(kept), HEADER : HEADER + len(payload)] = np.frombuffer(payload, dtype=np.uint8)
                if line.is_pausing:
                    due.marked_type[index] |= _MARKER
                kept.append(index)
                sizes.append(len(payload))
            line.is_pausing = not payload
        if kept:
            part = due.where(np.array(kept))
            self._outbox.put(part.listener, part.marked_type, part.sequence, part.timestamp, np.array(sizes))

    def _encode(self, line: _Line, row: int, frame: Int16) -> bytes:
        """The payload of a frame; empty where nothing is to be sent: then its number is given back."""
        if line.is_fresh:
            if self._heard_nothing[row] and line.codec == OPUS:
                frame = faded_in(frame, _BLOCK)
            else:
                frame = begin(line.encoder, self._state, row, frame, line.codec, was_passed=bool(self._was_passed[row]))
            line.is_fresh = self._was_passed[row] = self._heard_nothing[row] = False
        elif is_last(self._state, row, line.codec):
            frame = hand_back(self._state, row, frame, TANDEM_DELAY[line.codec])
        if isinstance(line.encoder, OpusEncoder):
            self._heed_losses(line, line.encoder, row)
        payload = line.encoder.encode(frame)
        if payload:
            return payload
        mix, blocks = self._state.mix, len(frame) // _BLOCK
        if mix.own_numbers[row] or mix.kind[row] == Kind.SERVER or blocks not in _NO_FRAME:
            self._state.sender.sequence[row] -= 1
            return b""
        return _NO_FRAME[blocks]

    def _heed_losses(self, line: _Line, encoder: OpusEncoder, row: int) -> None:
        """Expect what the leg reported last, in steps of 5 %."""
        report = self._state.report
        if report.far_at[row] > 0.0:
            percent = min(max(5 * ceil(20 * float(report.loss[row])), LEAST_LOSS_PERCENT), MOST_LOSS_PERCENT)
            if percent != line.expected_loss:
                line.expected_loss = percent
                encoder.expect_loss(percent)

    def _line(self, row: int, codec: int) -> _Line:
        parameters = self._state.leg.parameters[row].tobytes() if codec == OPUS else b""
        channels = 2 if self._state.leg.stereo[row] else 1
        line = self._lines.get(row)
        if line is None or (line.codec, line.parameters, line.channels) != (codec, parameters, channels):
            text = parameters.rstrip(b"\0").decode("ascii")
            line = self._lines[row] = _Line(open_encoder(codec, WIDEBAND, channels, text), codec, parameters, channels)
        return line
