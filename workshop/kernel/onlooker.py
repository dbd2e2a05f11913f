"""Looking on without end, and cheaply: a snapshot only when something can have changed.

Whatever happens in a lab is done by one of its processes, and a process that did something has run:
`/proc/PID/schedstat` says so. As long as these files stand still, so do namespaces, mounts, groups and links.
"""

from __future__ import annotations

from collections.abc import Mapping

from workshop.kernel.collect import Collector, Reader
from workshop.kernel.model import Dataset, File, Ipc, MountTable, Process, Snapshot, Subvolume
from workshop.kernel.procfs import Directory
from workshop.kernel.usage import Usage, usage


class Lean(Collector):
    """A collector that leaves out what a picture of the lab does not show: files, datasets, shared memory."""

    def _read_datasets(self, found: Mapping[int, Process]) -> Mapping[str, Dataset]:
        return {}

    def _ipc(self, found: Mapping[int, Process]) -> dict[int, Ipc]:
        return {}

    def _subvolumes(self, table: MountTable | None) -> Mapping[str, Subvolume]:
        return {}

    def _layers(self, *_: object) -> Mapping[str, Mapping[str, File]]:
        return {}


class Onlooker:
    """Sees one lab until it is gone."""

    def __init__(self, reader: Reader) -> None:
        self._collector = Lean(reader)
        self._dir = Directory(reader.proc)
        self._pulse: Mapping[int, bytes | None] = {}
        self.snapshot: Snapshot | None = None
        self.usage: Mapping[str, Usage] = {}

    def close(self) -> None:
        self._collector.close()
        self._dir.close()

    def look(self) -> bool:
        """Look again; may the picture have changed? LabError when the lab is gone."""
        pulse = self._feel()
        moved = pulse != self._pulse or any(ran is None or ran.startswith(b"0 0 0") for ran in pulse.values())
        if moved or self.snapshot is None:
            self.snapshot = self._collector.collect()
            self._pulse = pulse
        used = usage(self._collector.hierarchies())
        changed = moved or used != self.usage
        self.usage = used
        return changed

    def _feel(self) -> Mapping[int, bytes | None]:
        return {pid: self._dir.read(f"{pid}/schedstat") for pid in self._dir.pids()}
