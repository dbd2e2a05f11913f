"""A room of phones: so many readers of a page's events, on raw sockets, in a process of its own.

`python -m bench.phones HOST PORT PATH COUNT` says `ready` when all have had their first scene, then for each
update that has reached all of them a JSON line: {"sent": …, "seconds": [to each reader, sorted]}. The update
says in its title when it was sent, by the clock that all processes share (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

TITLE = re.compile(rb"<h1>sent (\d+)</h1>")


async def main(host: str, port: int, path: str, count: int) -> None:
    reached: dict[int, list[float]] = {}
    ready = asyncio.Semaphore(0)

    async def phone() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET {path}events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        first = True
        buffer = b""
        while piece := await reader.read(65536):
            buffer += piece
            *events, buffer = buffer.split(b"\n\n")
            for event in events:
                if b"event: scene" not in event:
                    continue
                if first:
                    first = False
                    ready.release()
                if found := TITLE.search(event):
                    note(int(found[1]))

    def note(sent: int) -> None:
        seconds = reached.setdefault(sent, [])
        seconds.append((time.monotonic_ns() - sent) / 1e9)
        if len(seconds) == count:
            print(json.dumps({"sent": sent, "seconds": sorted(reached.pop(sent))}), flush=True)

    phones = [asyncio.create_task(phone()) for _ in range(count)]
    for _ in range(count):
        await ready.acquire()
    print("ready", flush=True)
    await asyncio.gather(*phones)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
