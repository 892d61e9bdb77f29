"""Read damaged copies of image files: ``fuzz_readers.py FOLDER SEED COUNT``, in a process that may die of it.

FOLDER holds sound files and folders of DICOM slices. Each copy has a few bytes or numbers of one header changed. The process
prints a line for each outcome that is neither a volume nor a sentence, and the number of outcomes of either kind at the end.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from kdnet.data.image_io import read_grid, read_volume
from kdnet.errors import DataError

HEADER = 900  # bytes that are damaged
SLOW_SECONDS = 10.0
NUMBERS = (b"-1", b"0", b"1e38", b"nan", b"inf", b"-inf", b"99999999999", b"2147483648", b"1e-300", b"4")
PATTERNS = (b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\xff\xff\xff\x7f", b"\0\0\0\0")


def damaged(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        place = chance.randrange(max(1, min(HEADER, len(changed))))
        how = chance.randrange(6)
        if how == 0:
            changed[place : place + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            changed[place // 4 * 4 : place // 4 * 4 + 4] = chance.choice(PATTERNS)
        elif how == 2:
            numbers = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(changed[:HEADER])))
            if numbers:
                start, stop = chance.choice(numbers).span()
                changed[start:stop] = chance.choice(NUMBERS)
        elif how == 3:
            del changed[place : place + chance.randrange(1, 20)]
        elif how == 4:
            changed[place:place] = changed[: chance.randrange(1, 40)]
        elif chance.random() < 0.3:
            del changed[chance.randrange(len(changed) + 1) :]
    return bytes(changed)


def outcome(path: Path) -> str:
    results = []
    for read in (read_volume, read_grid):
        start = time.monotonic()
        try:
            read(path)
            results.append("read")
        except DataError as error:
            sentence = str(error)
            results.append("refused" if sentence.endswith(".") and "\n" not in sentence else f"odd sentence: {sentence!r}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what the test looks for
            results.append(f"escaped: {error!r}")
        if time.monotonic() - start > SLOW_SECONDS:
            results.append("slow")
    return next((result for result in results if result not in ("read", "refused")), results[0])


def main(folder: Path, seed: int, count: int) -> None:
    sound = sorted(folder.iterdir())
    counts = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as work:
        for number in range(seed, seed + count):
            chance = random.Random(number)
            source = sound[number % len(sound)]
            copy = Path(work) / source.name
            if source.is_dir():
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(source, copy)
                target = sorted(copy.iterdir())[2]
            else:
                target = Path(shutil.copy(source, copy))
            target.write_bytes(damaged(target.read_bytes(), chance))
            result = outcome(copy)
            if result in counts:
                counts[result] += 1
            else:
                print(f"{number} {source.name} {result}", flush=True)
    print(counts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
