"""`kill -9` at ten random moments of `housing run`: after each, the next run succeeds and nothing is half-done."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from tests.workflow.conftest import in_process
from tests.workflow.test_killed import assert_whole, kill_after, servers


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    generator = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        started = time.monotonic()
        assert_whole(folder)
        whole_s = (time.monotonic() - started) / 2
        for number in range(1, kills + 1):
            in_process("destroy", folder=folder)
            moment_s = generator.uniform(0.1, 1.0) * whole_s
            killed = kill_after(moment_s, folder)
            assert_whole(folder)
            print(
                f"{number:2d}: {'killed' if killed else 'had ended'} at {moment_s:5.2f} s; the next run is whole",
                flush=True,
            )
        in_process("destroy", folder=folder)
        time.sleep(3)
        print(f"servers left behind: {len(servers(folder))}")


if __name__ == "__main__":
    main()
