"""A supervisor's WebRTC peer by aiortc, which has nothing of the project in it: says a tone, and keeps what it hears.

All of its sockets are on loopback. What it hears is taken frame by frame as aiortc's own receiver plays it out.
"""

import asyncio
import contextlib
from fractions import Fraction
from types import TracebackType
from typing import Final, Self

import aioice.ice
import numpy as np
from aiortc import MediaStreamError, MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame
from av.audio.resampler import AudioResampler

from tests.audio import AMPLITUDE, RATE, Int16

_FRAME_SECONDS: Final = 0.02
_SPEAKS_AT: Final = 48_000


def _on_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return ["127.0.0.1"]


class Tone(MediaStreamTrack):
    """A sine as a microphone would give it."""

    kind = "audio"

    def __init__(self, frequency_hz: float) -> None:
        super().__init__()
        self._frequency_hz = frequency_hz
        self._samples = 0
        self._began: float | None = None

    async def recv(self) -> AudioFrame:
        """The next frame, when it is due."""
        loop = asyncio.get_running_loop()
        self._began = loop.time() if self._began is None else self._began
        await asyncio.sleep(max(0.0, self._began + self._samples / _SPEAKS_AT - loop.time()))
        count = round(_FRAME_SECONDS * _SPEAKS_AT)
        times = (self._samples + np.arange(count)) / _SPEAKS_AT
        sine = np.rint(AMPLITUDE * np.sin(2 * np.pi * self._frequency_hz * times)).astype(np.int16)
        # the same in both channels: made of one by aiortc, each would be 3 dB softer
        frame = AudioFrame.from_ndarray(sine.repeat(2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = _SPEAKS_AT, self._samples, Fraction(1, _SPEAKS_AT)
        self._samples += count
        return frame


class WebRtcPeer:
    """One peer connection; ``with`` closes it."""

    def __init__(self, frequency_hz: float | None) -> None:
        """Says a tone, or (None) nothing: it only listens."""
        aioice.ice.get_host_addresses = _on_loopback
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.first_audio: float | None = None
        """When the first frame was played that was not silent."""
        self._heard: list[Int16] = []
        self._count = 0
        self._listening: asyncio.Task[None] | None = None
        if frequency_hz is None:
            self.connection.addTransceiver("audio", direction="recvonly")
        else:
            self.connection.addTrack(Tone(frequency_hz))
        self.connection.on("track", self._listen)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.connection.close()
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    async def offer(self) -> str:
        """An offer, its candidates in it."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def take(self, answer: str) -> None:
        """The answer to it."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def listen(self, seconds: float, settle: float = 0.3) -> Int16:
        """What is heard from ``settle`` seconds on, this long, at 8 kHz."""
        await asyncio.sleep(settle)
        start, wanted = self._count, round(seconds * RATE)
        try:
            async with asyncio.timeout(seconds + 10):
                while self._count < start + wanted:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{self._count - start} samples came, not {wanted}") from None
        return np.concatenate(self._heard)[start : start + wanted]

    def _listen(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.get_running_loop().create_task(self._keep(track))

    async def _keep(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        with contextlib.suppress(MediaStreamError):
            while True:
                received = await track.recv()
                assert isinstance(received, AudioFrame)
                for frame in resampler.resample(received):
                    samples = frame.to_ndarray()[0]
                    if self.first_audio is None and np.abs(samples).max() > AMPLITUDE / 8:
                        self.first_audio = asyncio.get_running_loop().time()
                    self._heard.append(samples)
                    self._count += len(samples)
