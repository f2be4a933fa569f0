"""``python -m tests.fuzz TARGET --seconds N``: fuzz one target, or all of them in turn, with atheris.

What breaks a target is written to ``tests/fuzz/found/TARGET-…``; once the fault is mended it stays there as a test.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FOUND = Path(__file__).parent / "found"
SIGNALLING = ("message", "headers", "sdp", "digest", "stream", "endpoint", "masking")
MEDIA = ("rtcp", "payload", "header", "event", "turn", "secured", "link")
TARGETS = SIGNALLING + MEDIA
TELLING = ("stat::number_of", "Done ", "  File", " === ", "Assert")
"""Lines of libFuzzer and of Python that say what came of it."""
LONGEST = {"endpoint": 16_384}


def main() -> int:
    """Fuzz in a process of its own for each target, since atheris never returns."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("target", choices=(*TARGETS, "all"))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", type=Path, help="a folder that grows; left out: one that goes again")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.here:
        fuzz(options.target, rest)
    names = TARGETS if options.target == "all" else (options.target,)
    return max(run(name, options.seconds, options.corpus) for name in names)


def run(name: str, seconds: int, corpus: Path | None) -> int:
    """Fuzz one target for so long; the last lines that libFuzzer says, and its exit code."""
    # Not at the top: whoever fuzzes must instrument what this imports.
    from tests.fuzz.seeds import DICTIONARY, seeds

    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        folder = (corpus or Path(temporary)) / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(name)):
            (folder / f"seed-{number}").write_bytes(seed)
        words = Path(temporary) / "words"
        words.write_text(DICTIONARY)
        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST.get(name, 4096)}", f"-dict={words}", "-print_final_stats=1"]
        command = [sys.executable, "-m", "tests.fuzz", name, "--here", str(folder), *options, f"-artifact_prefix={FOUND}/{name}-"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    told = [line for line in done.stderr.splitlines() if line.startswith(TELLING)]
    print(f"{name}: exit {done.returncode}", *told[-12:], sep="\n  ", flush=True)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-1000:])
    return done.returncode


def fuzz(name: str, arguments: list[str]) -> None:
    """Become libFuzzer."""
    import atheris

    with atheris.instrument_imports(include=["sip", "rtp", "mixer", "mediaserver.worker", "mediaserver.link"]):
        from tests.fuzz import targets
    atheris.Setup(["fuzz", *arguments], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
