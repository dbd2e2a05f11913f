"""Reads what `workshop run --verify --json` said of every step: all of them passed, or the reasons and status 1."""

from __future__ import annotations

import json
import sys
from pathlib import Path

rows = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
for row in rows:
    print(f"{row['state']:<11} {row['id']:<54} {row['seconds']:7.2f} s")
    if row["state"] == "passed":
        continue
    if row.get("why"):
        print(f"    {row['why']}")
    for rule in row.get("gate", ()):
        if not rule["holds"]:
            print(f"    gate: {rule['rule']}: {rule['why']}")
    for verdict in row["verdicts"]:
        if verdict["state"] != "passed":
            print(f"    {verdict['check']}: expected {verdict['expected']}; found {verdict['found']}")
passed = sum(row["state"] == "passed" for row in rows)
print(f"{passed} of {len(rows)} steps passed")
sys.exit(0 if rows and passed == len(rows) else 1)
