"""The long run of tests/sources/test_fuzz.py: a thousand damages of every fixture, and what left an adapter
unasked.
"""

from __future__ import annotations

import time

from tests.bench.report import line, title
from tests.support.fixtures import fixtures
from tests.support.mutations import damage_faults

ROUNDS = 1000


def run() -> None:
    title(f"{ROUNDS:,} damages of each fixture")
    began, faults = time.process_time(), []
    cases = list(fixtures())
    for source, path in cases:
        faults += damage_faults(
            source, f"{path.parent.name}/{path.name}", path.read_bytes(), ROUNDS
        )
    line("CPU a damaged document", (time.process_time() - began) / ROUNDS / len(cases) * 1000, "ms")
    line("what left an adapter and was no refusal of its own", len(faults), "", 0)
    for fault in faults[:20]:
        print(f"    {fault}")


if __name__ == "__main__":
    run()
