"""Writes what a tap tells into WAV files, one a leg, all on one clock: silence where nothing came or nobody was to be heard.

Run it with the ring's descriptor inherited: ``.venv/bin/python examples/tap_to_wav.py DESCRIPTOR FOLDER``.
Ctrl-C ends it. How a tap is opened: docs/taps.md.
"""

import sys
import time
import wave
from pathlib import Path

from mediaserver.link.ring import TapFrame, TapReader

BLOCKS_A_SECOND = 100


class Files:
    """A file for each leg, and a further one where the call comes to be told at another rate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[int, int], wave.Wave_write] = {}
        self._begin: int | None = None

    def write(self, frame: TapFrame) -> None:
        """Put a frame where its position on the clock says."""
        if self._begin is None:
            self._begin = frame.position
        file = self._files.get((frame.leg, frame.rate)) or self._open(frame)
        place = (frame.position - self._begin) * frame.rate // BLOCKS_A_SECOND
        file.writeframes(bytes(2 * max(place - file.getnframes(), 0)) + frame.samples)

    def close(self) -> None:
        """Finish all of them."""
        for file in self._files.values():
            file.close()

    def _open(self, frame: TapFrame) -> wave.Wave_write:
        file = wave.open(str(self._folder / f"leg-{frame.leg}-{frame.rate}.wav"), "wb")  # noqa: SIM115
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(frame.rate)
        self._files[frame.leg, frame.rate] = file
        return file


def main(descriptor: int, folder: Path) -> None:
    """Read until somebody interrupts."""
    reader, files = TapReader(descriptor), Files(folder)
    try:
        while True:
            for frame in reader.read():
                files.write(frame)
            time.sleep(0.1)
    except KeyboardInterrupt:
        files.close()
        print(f"{reader.dropped} frames were lost, since nobody read them in time")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
