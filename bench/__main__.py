"""`python -m bench [NAME…]`: every measure as a row; exit status 1 when a goal is missed."""

from __future__ import annotations

import os
import sys

from bench import flood, line, memory, share, snapshot, start, track, watch
from bench.pairs import Row

MEASURES = {
    "start": start.measure,
    "line": line.measure,
    "flood": flood.measure,
    "snapshot": snapshot.measure,
    "track": track.measure,
    "memory": memory.measure,
    "share": share.measure,
    "watch": watch.measure,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"bench: no measure {unknown[0]!r}; one of: {', '.join(MEASURES)}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("bench: needs root, as the workshop does", file=sys.stderr)
        return 3
    rows: list[Row] = []
    print(f"{'measure':<44} {'ours':>10} {'theirs':>10} {'value':>16} {'goal':>8}")
    for name in names or MEASURES:
        for row in MEASURES[name]():
            rows.append(row)
            value = f"{row.value:.2f} {row.unit}"
            mark = "" if row.met else "  missed"
            print(
                f"{row.name:<44} {row.ours:>10} {row.theirs:>10} {value:>16} {row.goal:>8g}{mark}", flush=True
            )
    return 0 if all(row.met for row in rows) else 1


sys.exit(main(sys.argv[1:]))
