"""Layers of overlay file systems: overlayfs.rst of the kernel, mountinfo, and the folders themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checks import _facts as facts
from workshop.kernel.layers import Overlay, overlay
from workshop.kernel.model import File, Mount, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def overlay_at(view: View, *, target: str, lower: str, upper: str = "") -> Verdict:
    """A writable overlay is mounted at `target`, of exactly these lower layers, the upmost first.

    `lower` is a list by spaces; `upper` the folder that takes what is written, any if it is not given.
    Evidence: the super options in `/proc/PID/mountinfo`. Near misses: another kind of mount; no upper
    folder, so read-only; upper and lower swapped; the layers in another order.
    """
    expected = f"an overlay at {target} of {_names(lower.split())}" + (
        f", with {upper} on top" if upper else ""
    )
    at = next((pair for pair in _mounts(view) if pair[1].target == target), None)
    if at is None:
        return missed(expected, f"nothing is mounted at {target}")
    process, entry = at
    made = overlay(entry, view.now.layers)
    evidence = [_layers_of(process, entry, made)]
    if made is None:
        found = f"{entry.fstype} is mounted there, not an overlay"
        return missed(expected, found, evidence, diagnosis="not-an-overlay")
    wanted = tuple(lower.split())
    if made.upper is None:
        return missed(expected, "it has no upper folder", evidence, diagnosis="overlay-read-only")
    if made.upper in wanted:
        found = f"what is written goes into {made.upper}, the image"
        return missed(expected, found, evidence, diagnosis="writes-into-image")
    if made.lowers != wanted:
        why = "layers-order" if sorted(made.lowers) == sorted(wanted) else "other-layers"
        return missed(expected, f"its layers are {_names(made.lowers)}", evidence, diagnosis=why)
    if upper and made.upper != upper:
        return missed(expected, f"its upper folder is {made.upper}", evidence, diagnosis="other-layers")
    return passed(expected, f"{target} shows {len(wanted) + 1} folders as one", evidence)


def copied_up(view: View, *, name: str, upper: str, lower: str) -> Verdict:
    """A file of the image was changed in the container: all of it is in `upper`, the image's is untouched.

    Evidence: both files, lstat(2), and `/proc/PID/mountinfo`. Near misses: changed in the image itself; a
    new file, which is copied from nowhere.
    """
    expected = f"{name} copied up to {upper}, and as it was in {lower}"
    broken = _ground(view, expected, upper, lower)
    if broken is not None:
        return broken
    over, under = view.now.layers[upper], view.now.layers[lower]
    changed = _changed(view, name, lower)
    evidence = [_file(upper, name, over.get(name)), _file(lower, name, under.get(name))]
    if changed:
        return missed(expected, f"{lower}/{name} has changed", evidence, diagnosis="image-changed")
    copy = over.get(name)
    if copy is None or copy.kind != "file":
        found = f"{upper} has no {name}" if copy is None else f"{upper}/{name} is a {copy.kind}"
        return missed(expected, found, evidence, diagnosis="nothing-copied-up")
    return passed(expected, f"all of {name} is in {upper}; the image has the old one", evidence)


def whited_out(view: View, *, name: str, upper: str, lower: str) -> Verdict:
    """A file of the image is removed in the container: a whiteout hides it, and the image still has it.

    Evidence: a character device 0:0 in `upper`, lstat(2). Near misses: removed from the image; removed
    from the upper folder, where it shows through again.
    """
    expected = f"a whiteout for {name} in {upper}, and the file still in {lower}"
    broken = _ground(view, expected, upper, lower)
    if broken is not None:
        return broken
    over, under = view.now.layers[upper], view.now.layers[lower]
    evidence = [_file(upper, name, over.get(name)), _file(lower, name, under.get(name))]
    if name not in under:
        return missed(expected, f"{lower} has lost {name}", evidence, diagnosis="removed-from-layer")
    if name not in over:
        return missed(expected, f"{name} still shows through", evidence, diagnosis="still-shows")
    if over[name].kind != "whiteout":
        found = f"{upper}/{name} is a {over[name].kind}"
        return missed(expected, found, evidence, diagnosis="still-shows")
    return passed(expected, f"{name} is hidden by a device 0:0, and not removed", evidence)


def opaque(view: View, *, name: str, upper: str, lower: str) -> Verdict:
    """A folder of the image is removed in the container and made anew: opaque, nothing below shows through.

    Evidence: the attribute `trusted.overlay.opaque` of the folder in `upper`, by getxattr(2). Near
    misses: removed only, a whiteout; emptied file by file, a whiteout each; removed from the image.
    """
    expected = f"{name} in {upper} as an opaque folder, over that of {lower}"
    broken = _ground(view, expected, upper, lower)
    if broken is not None:
        return broken
    over, under = view.now.layers[upper], view.now.layers[lower]
    evidence = [_file(upper, name, over.get(name)), _file(lower, name, under.get(name))]
    if name not in under:
        return missed(expected, f"{lower} has lost {name}", evidence, diagnosis="removed-from-layer")
    file = over.get(name)
    if file is None:
        return missed(expected, f"{name} is still the image's", evidence, diagnosis="still-shows")
    if file.kind == "whiteout":
        found = f"{name} is gone altogether"
        return missed(expected, found, evidence, diagnosis="whiteout-not-opaque")
    if file.kind != "opaque":
        found = f"{upper}/{name} is a plain {file.kind}: what is below shows through"
        hidden = any(n.startswith(f"{name}/") and f.kind == "whiteout" for n, f in over.items())
        return missed(
            expected, found, evidence, diagnosis="emptied-not-replaced" if hidden else "still-shows"
        )
    return passed(expected, f"{name} hides all that is below it", evidence)


def apart(view: View, *, one: str, other: str, lower: str) -> Verdict:
    """Two overlays, mounted at `one` and `other`, stand on the same lower layer, each with its own upper, and
    the first has something that the other has not, and the other something that the first has not.

    Evidence: `/proc/PID/mountinfo` of both, and lstat(2) of the files in their upper folders. Near
    misses: one upper folder for both; nothing written.
    """
    expected = f"two containers on {lower}, each with changes of its own"
    uppers: list[str] = []
    evidence: list[Evidence] = []
    for target in (one, other):
        verdict = overlay_at(view, target=target, lower=lower)
        if not verdict.passed:
            return missed(expected, verdict.found, verdict.evidence, diagnosis=verdict.diagnosis)
        evidence += verdict.evidence
        uppers += [
            made.upper
            for _, entry in _mounts(view)
            if entry.target == target and (made := overlay(entry, view.now.layers)) and made.upper
        ][:1]
    mine, theirs = uppers
    if mine == theirs:
        return missed(expected, f"both write to {mine}", evidence, diagnosis="shared-upper")
    left, right = (view.now.layers.get(path, {}) for path in uppers)
    for path, more in ((mine, left.keys() - right.keys()), (theirs, right.keys() - left.keys())):
        if not more:
            found = f"{path} has nothing that the other has not"
            return missed(expected, found, evidence, diagnosis="nothing-written")
    return passed(expected, "one image, two uppers, and neither sees the other's changes", evidence)


def committed(view: View, *, layer: str, upper: str) -> Verdict:
    """The folder `layer` holds what was in `upper` when the step began, whiteouts and opaque folders too.

    Evidence: lstat(2) and getxattr(2) of every file of both. Near misses: a copy that drops the
    attributes, such as `tar` makes; a copy of the merged view, which has the whole image in it.
    """
    expected = f"a layer {layer} with all that was in {upper}"
    files, was = view.now.layers.get(layer), view.before.layers.get(upper)
    if not was:
        return missed(expected, f"there was nothing in {upper} when the step began")
    if not files:
        found = f"there is no {layer}" if files is None else f"{layer} is empty"
        return missed(expected, found, diagnosis="no-layer")
    for name, kind in sorted((name, file.kind) for name, file in was.items()):
        copy = files.get(name)
        if copy is None or copy.kind != kind:
            evidence = [_file(layer, name, copy), _file(upper, name, was[name])]
            lost = "opaque-lost" if kind == "opaque" and copy is not None else "whiteout-lost"
            why = lost if kind in ("opaque", "whiteout") else "no-layer"
            return missed(expected, f"{name} is not in it as it was", evidence, diagnosis=why)
    more = files.keys() - was.keys()
    if more:
        evidence = [Evidence("more than the changes", f"{len(more)} files", layer)]
        return missed(expected, f"{layer} has {len(more)} files more", evidence, diagnosis="flattened")
    return passed(
        expected, f"{len(was)} files, and nothing lost", [Evidence("files", str(len(files)), layer)]
    )


def on_overlay(view: View, *, lower: str) -> Verdict:
    """The root of the process in question is a writable overlay of these lower layers, the upmost first.

    Evidence: the mount at its `/` in `/proc/PID/mountinfo`. Near misses: the image's own folder as root;
    a folder of the host's overlay; another container's.
    """
    expected = f"a process whose / is an overlay of {_names(lower.split())}"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    evidence = [facts.root(process)]
    if not facts.has_own_root(view, process):
        return missed(expected, "its / is still the host's", evidence, diagnosis="root-is-the-hosts")
    top = facts.mounted_at(view.now.mounts_of(process.pid), "/")
    hosts = facts.mounted_at(view.now.mounts_of(view.now.host), "/")
    made = overlay(_as_the_host_sees(view, top), view.now.layers) if top is not None else None
    if top is None or made is None or (hosts is not None and top.dev == hosts.dev):
        where = process.root.path if process.root else "?"
        layer = where in view.now.layers
        found = f"its / is the folder {where}, no overlay"
        return missed(expected, found, evidence, diagnosis="on-the-layer" if layer else "not-an-overlay")
    evidence.append(_layers_of(process, top, made))
    if made.upper is None:
        return missed(expected, "it has no upper folder", evidence, diagnosis="overlay-read-only")
    if made.lowers != tuple(lower.split()):
        return missed(expected, f"its layers are {_names(made.lowers)}", evidence, diagnosis="other-layers")
    return passed(expected, f"its / is {len(made.lowers)} layers and {made.upper}", evidence)


def _as_the_host_sees(view: View, entry: Mount) -> Mount:
    """The same file system by its name on the host: relative options were typed there."""
    return next((m for m in view.now.mounts_of(view.now.host) if m.dev == entry.dev), entry)


def _mounts(view: View) -> Iterator[tuple[Process, Mount]]:
    """The mounts of the process in question, then the host's, last ones first: those are seen."""
    for process in (view.process, view.host):
        if process is not None:
            for entry in reversed(view.now.mounts_of(process.pid)):
                yield process, entry


def _ground(view: View, expected: str, upper: str, lower: str) -> Verdict | None:
    """What is missing before the two folders can be compared: an overlay with that upper one, and both."""
    made = [found for _, entry in _mounts(view) if (found := overlay(entry, view.now.layers))]
    if not any(found.upper == upper and lower in found.lowers for found in made):
        return missed(expected, f"no overlay has {upper} on top of {lower}", diagnosis="other-layers")
    for path in (upper, lower):
        if path not in view.now.layers:
            return missed(expected, f"there is no folder {path}")
    return None


def _changed(view: View, name: str, layer: str) -> bool:
    """Is a file of the layer another one than when the step began?"""
    before: Mapping[str, File] = view.before.layers.get(layer, {})
    return name in before and before[name] != view.now.layers[layer].get(name)


def _layers_of(process: Process, entry: Mount, made: Overlay | None) -> Evidence:
    if made is None:
        return facts.mount(process, entry)
    value = f"lower {_names(made.lowers)}; upper {made.upper or 'none'}"
    return Evidence(f"overlay at {entry.target}", value, f"/proc/{process.pid}/mountinfo")


def _file(layer: str, name: str, file: File | None) -> Evidence:
    says = {"whiteout": "a whiteout (c 0 0)", "opaque": "an opaque folder", None: "not there"}
    kind = file.kind if file else None
    value = says.get(kind) or (f"a file of {file.size} bytes" if file and kind == "file" else f"a {kind}")
    return Evidence(f"{name} in {layer.rpartition('/')[2]}", value, f"{layer}/{name}")


def _names(paths: tuple[str, ...] | list[str]) -> str:
    return ", then ".join(paths) or "nothing"
