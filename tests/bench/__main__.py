"""``python -m tests.bench [PART]...``: those that are named, or all of PARTS."""

from __future__ import annotations

import importlib
import sys

from tests.bench.report import SHORT

PARTS = (
    "polls",
    "sandbox",
    "parsing",
    "fuzz",
    "events",
    "schedule",
    "deliveries",
    "kills",
    "faults",
)


def main() -> int:
    wanted = sys.argv[1:] or PARTS
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        print(f"no such bench: {unknown[0]}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for part in wanted:
        importlib.import_module(f"tests.bench.{part}").run()
    print("\nFalls short:\n  " + "\n  ".join(SHORT) if SHORT else "\nEvery bar holds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
