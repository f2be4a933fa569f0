"""What arrives, decoded: many rows at once where tables do it, a row at a time where the codec has a state (`ordered`).

Decoded is what somebody mixes, and now and then a packet of all others, for the meters. A row with a state of its own that nobody
mixes is decoded for its meter out of order; where it is mixed again, it begins anew, with its last packets (`coded_past`). What begins
so, and what comes in another codec than before, is faded in over what was heard until then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediaserver.worker.coded_past import CodedPast
from mediaserver.worker.metering import Metering
from mediaserver.worker.ordered import BLOCK as BLOCK_SAMPLES
from mediaserver.worker.ordered import LONGEST, Coded, Decoded, OrderedStream
from mediaserver.worker.shelf import Shelf, soften
from mediaserver.worker.state import Kind, State
from mixer.arrays import Int16
from mixer.coders.coder import Decoder
from mixer.coders.opening import open_decoder
from mixer.coders.opus_packet import tells_of_the_one_before, ticks_of
from mixer.formats import FORMATS, OPUS, PCMA, WIDEBAND
from mixer.g711 import decode as decode_g711
from mixer.l16 import decode_into as decode_l16_into
from rtp.arrays import Bools, Bytes, Int64, every, is_alike, named, some
from rtp.header import HEADER, Packets
from rtp.playout import Playout
from rtp.stream import BLOCK, BLOCK_SECONDS, Followed

_BEHIND: Final = 0.002
"""Seconds that a packet may come after its time without being late."""
_BLOCK_BYTES: Final = np.array([form.block_bytes or 1 for form in FORMATS])
_HAS_CODER: Final = np.array([form.has_coder for form in FORMATS])
_OPUS_TICKS: Final = FORMATS[OPUS].block_ticks


@dataclass(slots=True)
class _Arrived:
    """Audio packets of a turn that are to be decoded (n)."""

    packets: Packets
    extended: Int64
    serial: Int64
    position: Int64
    blocks: Int64
    wanted: Bools
    measured: Bools

    def where(self, keep: Bools | Int64) -> "_Arrived":
        """Those that ``keep`` (n) marks, or names."""
        keep = named(keep)
        return _Arrived(
            self.packets.where(keep),
            self.extended[keep],
            self.serial[keep],
            self.position[keep],
            self.blocks[keep],
            self.wanted[keep],
            self.measured[keep],
        )


class Decoding:
    """Puts what legs say into the playout buffers, and on the meters. Holds what is private to this worker: decoders."""

    def __init__(self, state: State, inbox: Bytes, metering: Metering) -> None:
        self._state = state
        self._inbox = inbox
        self._metering = metering
        self._shelf = Shelf(state, metering, LONGEST)
        self._past = CodedPast(state.rows, inbox)
        self._streams: Final[dict[int, OrderedStream]] = {}
        self._meters: Final[dict[int, tuple[int, Decoder]]] = {}
        """Of rows that are only measured: codec and decoder."""
        self._meter_frame = np.zeros(LONGEST * 2 * BLOCK, dtype=np.int16)
        self._codec = np.full(state.rows, -1, dtype=np.int64)
        """(row) in which codec its last packet came, as far as that matters; -1 before the first."""
        self._changed: Final[set[int]] = set()
        """Rows whose next packet is the first in another codec."""
        self.concealing: Final[set[int]] = set()
        """Rows whose codec makes up by itself what is missing."""
        self.waiting: Final[set[int]] = set()
        """Rows of which packets wait behind a gap."""

    def blocks(self, packets: Packets) -> Int64:
        """How many whole blocks each packet (n) holds."""
        if self._state.is_g711:
            return packets.size // BLOCK
        codec = self._state.leg.codec[packets.row]
        blocks: Int64 = packets.size // _BLOCK_BYTES.take(codec)
        is_opus = codec == OPUS
        if is_opus.any():
            heads = self._inbox[packets.line[is_opus], HEADER : HEADER + 2]
            blocks[is_opus] = ticks_of(heads, packets.size[is_opus]) // _OPUS_TICKS
        return blocks

    def keep(self, audio: Followed, position: Int64, blocks: Int64, now: float) -> None:
        """Decode what is mixed by somebody or measured this time; position (n) and blocks (n) of the packets."""
        rows = audio.packets.row
        wanted = self._state.mix.wanted[rows].astype(np.bool_)
        measured = self._metering.is_due(rows, now)
        if self._state.is_g711 and blocks[0] and is_alike(blocks) and not self._changed:
            self._keep_g711(audio.packets, position, int(blocks[0]), wanted, measured)
            return
        if not blocks.all():
            self._state.count.dropped_undecodable[rows[wanted & (blocks == 0)]] += 1
        needed = (wanted | measured) & (blocks > 0)
        if not some(needed):
            return
        arrived = _Arrived(audio.packets, audio.extended, audio.serial, position, blocks, wanted, measured)
        if not every(needed):
            arrived = arrived.where(needed)
        if self._state.is_g711:
            self._keep_at_once(arrived, self._state.playout, self._decode_g711)
        else:
            self._keep_by_codec(arrived)

    def note_passed(self, audio: Followed, index: Int64, position: Int64, blocks: Int64) -> None:
        """Packets ``index`` (n) of these, with position (n) and blocks (n), are passed through: whoever mixes their leg next wants them."""
        packets, state = audio.packets, self._state
        codec = state.leg.codec[packets.row[index]].astype(np.int64)
        is_mixed = state.mix.wanted[packets.row[index]] != 0
        which = (_HAS_CODER.take(codec) & ~is_mixed & (blocks > 0)).nonzero()[0]
        if not len(which):
            return
        index = index[which]
        rows = packets.row[index]
        voice = audio.serial[index], codec[which], state.leg.call[rows].astype(np.int64)
        place = audio.extended[index], position[which], blocks[which], packets.size[index]
        self._past.note(rows, packets.line[index], voice, place)

    def pass_over(self, packets: Packets, extended: Int64) -> None:
        """These packets (n) take numbers (n) of their streams, but hold no audio."""
        for row, number in zip(packets.row.tolist(), extended.tolist(), strict=True):
            stream = self._stream(row)
            if stream is not None:
                self._shelf.row, self._shelf.is_measured = row, False
                stream.pass_over(number, self._shelf.put)
                self._note_waiting(row, stream)
        self._shelf.clear()

    def first_waiting(self, row: int) -> int:
        """The block with which the first packet begins that waits behind a gap of this row; there is one."""
        return self._streams[row].first_waiting

    def told_from(self, row: int) -> int:
        """The block from which on the first waiting packet of this row tells what it holds, and what it holds of the one before (FEC)."""
        stream = self._streams[row]
        packet = stream.waiting[min(stream.waiting)]
        if packet is None or stream.codec != OPUS or not tells_of_the_one_before(packet.payload):
            return stream.first_waiting
        return packet.position - packet.blocks

    def take_back(self, row: int) -> None:
        """What was concealed of this row is to be heard late, as the first waiting packet tells of it."""
        self._streams[row].take_back(self.told_from(row))

    def give_up(self, rows: Int64) -> None:
        """Of these rows (n) a listener's playout decided that what is missing has been lost."""
        for row in set(rows.tolist()) & self.waiting:
            stream = self._stream(row)
            if stream is not None:
                self._shelf.row, self._shelf.is_measured = row, False
                stream.give_up(self._shelf.put)
                self._note_waiting(row, stream)
        self._shelf.clear()

    def conceal(self, row: int, position: int) -> Int16 | None:
        """Block ``position`` of a row as its codec would go on; None where it is not the next one to be decoded, or cannot be had so."""
        stream = self._stream(row)
        return None if stream is None else stream.conceal(position)

    def inherit(self, rows: Int64) -> None:
        """What these rows (n) speak is nothing new: it is the worker that is another one."""
        codec = self._state.leg.codec[rows]
        self._codec[rows] = codec
        self._shelf.inherited.update(rows[_HAS_CODER.take(codec)].tolist())

    def forget(self, row: int) -> None:
        """The leg of this row ended."""
        self._end_stream(row)
        self._meters.pop(row, None)
        self._past.forget(row)
        self._changed.discard(row)
        self._shelf.inherited.discard(row)
        self._codec[row] = -1

    def _stream(self, row: int) -> OrderedStream | None:
        """The stream of a row; one in a codec that its leg speaks no more is over, whatever of it is missing."""
        stream = self._streams.get(row)
        if stream is not None and stream.codec != self._state.leg.codec[row]:
            self._end_stream(row)
            return None
        return stream

    def _end_stream(self, row: int) -> None:
        self._streams.pop(row, None)
        self.concealing.discard(row)
        self.waiting.discard(row)

    def _keep_g711(self, packets: Packets, position: Int64, blocks: int, wanted: Bools, measured: Bools) -> None:
        """The usual case, in few steps: nobody speaks anything else, and all packets (n) are of one length."""
        needed = named(wanted | measured)
        if not len(needed):
            return
        rows = packets.row[needed]
        codes = self._inbox[packets.line[needed], HEADER : HEADER + blocks * BLOCK]
        frames = decode_g711(codes, self._state.leg.codec[rows])
        self._put_away(rows, position[needed], frames, wanted[needed], measured[needed], self._state.playout)

    def _keep_by_codec(self, arrived: _Arrived) -> None:
        rows = arrived.packets.row
        codec = self._state.leg.codec[rows]
        other = self._codec[rows] != codec
        if other.any():
            self._changed.update(rows[other].tolist())
            self._codec[rows] = codec
        has_coder = _HAS_CODER.take(codec)
        groups: tuple[tuple[Bools, Callable[[_Arrived], None]], ...] = (
            (codec <= PCMA, lambda part: self._keep_at_once(part, self._state.playout, self._decode_g711)),
            ((codec > PCMA) & ~has_coder, self._keep_l16),
            (has_coder, self._keep_in_order),
        )
        for which, keep in groups:
            if which.any():
                keep(arrived.where(which))

    def _keep_l16(self, arrived: _Arrived) -> None:
        wide = self._state.leg.wide[arrived.packets.row] != 0
        for which, playout in ((~wide, self._state.playout), (wide, self._state.wide)):
            if which.any():
                self._keep_at_once(arrived.where(which), playout, self._decode_l16)

    def _keep_at_once(self, arrived: _Arrived, playout: Playout, decode: Callable[[Packets, int], Int16]) -> None:
        blocks = arrived.blocks
        sizes = [int(blocks[0])] if is_alike(blocks) else np.unique(blocks).tolist()
        for size in sizes:
            part = arrived if len(sizes) == 1 else arrived.where(blocks == size)
            rows, frames = part.packets.row, decode(part.packets, size)
            if self._changed:
                self._soften(rows, part.position, frames, playout)
            self._put_away(rows, part.position, frames, part.wanted, part.measured, playout)

    def _put_away(self, rows: Int64, position: Int64, frames: Int16, wanted: Bools, measured: Bools, playout: Playout) -> None:
        """Frames (n, samples) of rows (n) to those who want them: into the buffers, and on the meters."""
        block = playout.samples.shape[1]
        if every(wanted):
            playout.store(rows, position, frames.shape[1] // block, frames)
        elif some(wanted):
            kept = named(wanted)
            playout.store(rows[kept], position[kept], frames.shape[1] // block, frames[kept])
        if some(measured):
            shown = named(measured)
            self._metering.take(rows[shown], frames[shown], block)

    def _decode_g711(self, packets: Packets, blocks: int) -> Int16:
        codes = self._inbox[packets.line, HEADER : HEADER + blocks * BLOCK]
        return decode_g711(codes, self._state.leg.codec[packets.row])

    def _decode_l16(self, packets: Packets, blocks: int) -> Int16:
        size = blocks * int(_BLOCK_BYTES[self._state.leg.codec[packets.row[0]]])
        frames = np.empty((len(packets), size // 2), dtype=np.int16)
        decode_l16_into(frames, self._inbox[packets.line, HEADER : HEADER + size])
        return frames

    def _keep_in_order(self, arrived: _Arrived) -> None:
        packets = arrived.packets
        numbers = zip(packets.row.tolist(), packets.line.tolist(), arrived.extended.tolist(), arrived.serial.tolist(), strict=True)
        for index, (row, line, extended, serial) in enumerate(numbers):
            self._state.handling[0] = row + 1
            size = int(packets.size[index])
            payload = self._inbox[line, HEADER : HEADER + size].tobytes()
            coded = Coded(extended, int(arrived.position[index]), min(int(arrived.blocks[index]), LONGEST), payload)
            if arrived.wanted[index]:
                self._take(row, coded, serial, measures=bool(arrived.measured[index]))
            else:
                self._take_for_the_meter(row, coded)
        self._state.handling[0] = 0
        self._shelf.clear()

    def _take(self, row: int, coded: Coded, serial: int, *, measures: bool) -> None:
        stream = self._streams.get(row)
        codec = int(self._state.leg.codec[row])
        if stream is None or (not self._state.wide.end[row] and stream.position >= 0) or stream.serial != serial or stream.codec != codec:
            stream = self._streams[row] = self._begun(row, coded, serial, codec)
            (self.concealing.add if codec == OPUS else self.concealing.discard)(row)
            self._meters.pop(row, None)
            self._changed.discard(row)
        if coded.extended < stream.next:
            self._state.tally.late[row] += 1
            return
        self._shelf.row, self._shelf.is_measured = row, measures
        if not stream.take(coded, self._shelf.put):
            self._state.count.dropped_undecodable[row] += 1
        if coded.extended in stream.waiting and codec == OPUS and tells_of_the_one_before(coded.payload):
            self._count_recoverable(row, coded)
        if stream.waiting and self._clocks_somebody(row):
            stream.give_up(self._shelf.put)
        self._note_waiting(row, stream)

    def _begun(self, row: int, coded: Coded, serial: int, codec: int) -> OrderedStream:
        """A stream that begins with this packet, or with what was passed through before it, which is the past of what is to be heard."""
        past = self._past.before(row, coded, (serial, codec, int(self._state.leg.call[row])))
        stream = OrderedStream(open_decoder(codec, WIDEBAND), serial, codec, (past or [coded])[0].extended)
        for packet in past:
            stream.take(packet, lambda decoded: self._remember(row, decoded))
        return stream

    def _remember(self, row: int, decoded: Decoded) -> None:
        blocks = decoded.frame.reshape(-1, BLOCK_SAMPLES)
        position = decoded.position + np.arange(len(blocks))
        self._state.wide.make_up(np.full(len(blocks), row), position, blocks)

    def _count_recoverable(self, row: int, coded: Coded) -> None:
        """A lost packet that the next one tells of is like one that came as late as that: worth a margin where it happens often."""
        lag = np.array([coded.blocks * BLOCK_SECONDS + _BEHIND])
        self._state.late.count(np.array([row]), lag)

    def _clocks_somebody(self, row: int) -> bool:
        """Whether somebody's mix goes out with this row's packets: he cannot wait for those that are missing."""
        followers = self._state.mix.followers[row]
        return bool((self._state.mix.kind[followers[followers >= 0]] == Kind.CLOCKED).any())

    def _note_waiting(self, row: int, stream: OrderedStream) -> None:
        """A reader sees that something came, although it cannot be read yet: so he knows that what is missing is late."""
        if not stream.waiting:
            self.waiting.discard(row)
            return
        self.waiting.add(row)
        newest = stream.waiting[max(stream.waiting)]
        if newest is not None:
            end = self._state.wide.end
            end[row] = max(int(end[row]), newest.position + newest.blocks)

    def _take_for_the_meter(self, row: int, coded: Coded) -> None:
        codec = int(self._state.leg.codec[row])
        self._end_stream(row)
        known, decoder = self._meters.get(row, (-1, None))
        if decoder is None or known != codec:
            decoder = open_decoder(codec, WIDEBAND)
            self._meters[row] = codec, decoder
        samples = coded.blocks * 2 * BLOCK
        if decoder.decode(coded.payload, self._meter_frame) >= samples:
            self._metering.take(np.array([row]), self._meter_frame[None, :samples].copy(), 2 * BLOCK)

    def _soften(self, rows: Int64, position: Int64, frames: Int16, playout: Playout) -> None:
        """Fade in those of frames (n, samples) that are the first in another codec."""
        for index in [index for index, row in enumerate(rows.tolist()) if row in self._changed]:
            one = slice(index, index + 1)
            self._changed.discard(int(rows[index]))
            soften(frames[one], position[one], playout, rows[one])
