"""Overlays: right ways and near misses, over mount tables and folders as the kernel shows them."""

from __future__ import annotations

import pytest
from kernel_builders import HOST_MOUNTS, mount, own, process, snapshot, view

from checks import layers
from workshop.kernel.model import File, Root

BASE, MINE, ONE, TWO = "/lab/layers/base", "/lab/layers/mine", "/lab/containers/one", "/lab/containers/two"
GIVEN = {
    "etc": File("folder"),
    "etc/hosts": File("file", 20),
    "srv": File("folder"),
    "srv/page": File("file"),
}


def made(folder=ONE, lower=BASE, upper="", *, target="merged", dev=90, **fields):
    options = (f"lowerdir={lower}", f"upperdir={upper or folder + '/upper'}", f"workdir={folder}/work")
    return mount(f"{folder}/{target}", "overlay", dev=dev, super_options=options, **fields)


def on_host(*entries, **held):
    """`held` is what the uppers have: one={…}, two={…}; and `base`, `mine`."""
    places = {"base": BASE, "mine": MINE, "one": f"{ONE}/upper", "two": f"{TWO}/upper"}
    folders = {places[name]: files for name, files in ({"base": GIVEN} | held).items()}
    return snapshot(process(7), mounts={1: (*HOST_MOUNTS, *entries)}, layers=folders)


# -- overlay_at


MADE = made()
RELATIVE = made(lower="../../layers/base", upper="upper")
INSIDE = snapshot(
    process(7, ns=own("mnt")),
    mounts={7: (*HOST_MOUNTS, made())},
    layers={BASE: GIVEN, f"{ONE}/upper": {}},
)


@pytest.mark.parametrize("now", [on_host(made(), one={}), on_host(RELATIVE, one={}), INSIDE])
def test_overlay_at_passes(now):
    verdict = layers.overlay_at(view(now), target=f"{ONE}/merged", lower=BASE, upper=f"{ONE}/upper")
    assert verdict.passed and verdict.evidence[0].source.endswith("/mountinfo")


def test_overlay_at_passes_with_several_layers():
    two = made(lower=f"{MINE}:{BASE}")
    plus = mount(
        f"{ONE}/merged",
        "overlay",
        super_options=(f"lowerdir+={MINE}", f"lowerdir+={BASE}", f"upperdir={ONE}/upper", "workdir=work"),
    )
    for entry in (two, plus):
        assert layers.overlay_at(view(on_host(entry)), target=f"{ONE}/merged", lower=f"{MINE} {BASE}").passed


@pytest.mark.parametrize(
    ("entry", "diagnosis"),
    [
        (mount("/elsewhere"), None),
        (mount(f"{ONE}/merged", "tmpfs", dev=43, root="/layers/base"), "not-an-overlay"),
        (mount(f"{ONE}/merged", "overlay", super_options=(f"lowerdir={BASE}:{MINE}",)), "overlay-read-only"),
        (made(lower=f"{ONE}/upper", upper=BASE), "writes-into-image"),
        (made(lower=f"{MINE}:{BASE}"), "other-layers"),
        (made(upper=f"{TWO}/upper"), "other-layers"),
    ],
)
def test_overlay_at_misses(entry, diagnosis):
    verdict = layers.overlay_at(
        view(on_host(entry)), target=f"{ONE}/merged", lower=BASE, upper=f"{ONE}/upper"
    )
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_the_order_of_layers_counts():
    now = on_host(made(lower=f"{BASE}:{MINE}"))
    verdict = layers.overlay_at(view(now), target=f"{ONE}/merged", lower=f"{MINE} {BASE}")
    assert verdict.diagnosis == "layers-order"


# -- copied_up, whited_out, opaque


def judged(check, name, upper, base=None, entries=(MADE,)):
    before = on_host(made(), one={})
    now = on_host(*entries, one=upper, base=GIVEN if base is None else base)
    return check(view(now, before=before), name=name, upper=f"{ONE}/upper", lower=BASE)


def without(*names):
    return {name: file for name, file in GIVEN.items() if name not in names}


@pytest.mark.parametrize("copy", [File("file", 40), File("file", 20, mode=0o600)])
def test_copied_up_passes(copy):
    assert judged(layers.copied_up, "etc/hosts", {"etc": File("folder"), "etc/hosts": copy}).passed


@pytest.mark.parametrize(
    ("upper", "base", "entries", "diagnosis"),
    [
        ({}, None, (made(),), "nothing-copied-up"),
        ({"etc/new": File("file")}, None, (made(),), "nothing-copied-up"),
        ({"etc/hosts": File("whiteout")}, None, (made(),), "nothing-copied-up"),
        ({}, GIVEN | {"etc/hosts": File("file", 40)}, (made(),), "image-changed"),
        ({"etc/hosts": File("file", 40)}, None, (), "other-layers"),
        ({"etc/hosts": File("file", 40)}, None, (made(lower=MINE),), "other-layers"),
    ],
)
def test_copied_up_misses(upper, base, entries, diagnosis):
    assert judged(layers.copied_up, "etc/hosts", upper, base, entries).diagnosis == diagnosis


@pytest.mark.parametrize("more", [{}, {"etc/friends": File("file", 20)}])
def test_whited_out_passes(more):
    assert judged(layers.whited_out, "etc/hosts", {"etc/hosts": File("whiteout"), **more}).passed


@pytest.mark.parametrize(
    ("upper", "base", "diagnosis"),
    [
        ({}, without("etc/hosts"), "removed-from-layer"),
        ({}, None, "still-shows"),
        ({"etc/hosts": File("file")}, None, "still-shows"),
    ],
)
def test_whited_out_misses(upper, base, diagnosis):
    assert judged(layers.whited_out, "etc/hosts", upper, base).diagnosis == diagnosis


@pytest.mark.parametrize("more", [{}, {"srv/other": File("file")}])
def test_opaque_passes(more):
    assert judged(layers.opaque, "srv", {"srv": File("opaque"), **more}).passed


@pytest.mark.parametrize(
    ("upper", "base", "diagnosis"),
    [
        ({}, None, "still-shows"),
        ({"srv": File("folder")}, None, "still-shows"),
        ({"srv": File("whiteout")}, None, "whiteout-not-opaque"),
        ({"srv": File("folder"), "srv/page": File("whiteout")}, None, "emptied-not-replaced"),
        ({"srv": File("folder")}, without("srv", "srv/page"), "removed-from-layer"),
    ],
)
def test_opaque_misses(upper, base, diagnosis):
    assert judged(layers.opaque, "srv", upper, base).diagnosis == diagnosis


def test_what_is_missing_is_named():
    now = snapshot(process(7), mounts={1: (*HOST_MOUNTS, made())}, layers={BASE: GIVEN})
    verdict = layers.opaque(view(now), name="srv", upper=f"{ONE}/upper", lower=BASE)
    assert verdict.found == f"there is no folder {ONE}/upper"


# -- apart


SECOND = made(TWO, dev=91)


def beside(*entries, one, two):
    now = on_host(*entries, one=one, two=two)
    return layers.apart(view(now), one=f"{ONE}/merged", other=f"{TWO}/merged", lower=BASE)


def test_apart_passes():
    assert beside(made(), SECOND, one={"a": File("file")}, two={"b": File("file")}).passed
    whiteout = {"etc/hosts": File("whiteout")}
    assert beside(SECOND, made(), one=whiteout, two={"b": File("file")}).passed


def test_apart_misses():
    written = {"one": {"a": File("file")}, "two": {"b": File("file")}}
    same = made(TWO, upper=f"{ONE}/upper", dev=91)
    assert beside(made(), same, **written).diagnosis == "shared-upper"
    assert beside(made(), SECOND, one={"a": File("file")}, two={}).diagnosis == "nothing-written"
    assert beside(made(), SECOND, one={}, two={"b": File("file")}).diagnosis == "nothing-written"
    on_top = made(TWO, lower=f"{ONE}/merged", dev=91)
    assert beside(made(), on_top, **written).diagnosis == "other-layers"
    assert not beside(made(), **written).passed


# -- committed


CHANGES = {
    "etc": File("folder"),
    "etc/hosts": File("file", 40),
    "etc/group": File("whiteout"),
    "srv": File("opaque"),
}


def kept(layer, upper=CHANGES):
    held = {"one": upper} if layer is None else {"one": upper, "mine": layer}
    return layers.committed(
        view(on_host(**held), before=on_host(one=CHANGES)), layer=MINE, upper=f"{ONE}/upper"
    )


def test_committed_passes():
    assert kept(CHANGES).passed
    moved = on_host(mine={name: File(file.kind, 1, changed=9) for name, file in CHANGES.items()})
    assert layers.committed(view(moved, before=on_host(one=CHANGES)), layer=MINE, upper=f"{ONE}/upper").passed


@pytest.mark.parametrize(
    ("layer", "diagnosis"),
    [
        (None, "no-layer"),
        ({}, "no-layer"),
        ({"etc": File("folder")}, "whiteout-lost"),
        (CHANGES | {"srv": File("folder")}, "opaque-lost"),
        (CHANGES | {"etc/group": File("file")}, "whiteout-lost"),
        (CHANGES | {"bin": File("folder"), "bin/sh": File("file")}, "flattened"),
        ({name: file for name, file in CHANGES.items() if name != "etc/hosts"}, "no-layer"),
    ],
)
def test_committed_misses(layer, diagnosis):
    assert kept(layer).diagnosis == diagnosis


def test_nothing_to_commit():
    now = on_host(mine=CHANGES)
    assert not layers.committed(view(now, before=now), layer=MINE, upper=f"{ONE}/upper").passed


# -- on_overlay


def inside(*entries, root=None, lower=f"{MINE} {BASE}"):
    given = root or Root(f"{ONE}/merged", 90, 2)
    now = snapshot(
        process(7, ns=own("mnt", "pid"), root=given),
        mounts={1: HOST_MOUNTS, **({7: entries} if entries else {})},
        layers={BASE: GIVEN, MINE: CHANGES},
    )
    return layers.on_overlay(view(now), lower=lower)


def test_on_overlay_passes():
    top = made("", lower=f"{MINE}:{BASE}", upper=f"{ONE}/upper", target="")
    assert inside(top).passed
    assert inside(top, mount("/proc", "proc"), root=Root("/", 90, 2)).passed


def test_on_overlay_knows_relative_layers_by_where_the_host_has_it_mounted():
    """Inside, the overlay is at `/`, and `../../layers/base` would be looked for there."""
    relative = {"lower": "../../layers/mine:../../layers/base", "upper": "upper"}
    now = snapshot(
        process(7, ns=own("mnt", "pid"), root=Root(f"{ONE}/merged", 90, 2)),
        mounts={1: (*HOST_MOUNTS, made(**relative)), 7: (made("", target="", **relative),)},
        layers={BASE: GIVEN, MINE: CHANGES},
    )
    assert layers.on_overlay(view(now), lower=f"{MINE} {BASE}").passed


def test_on_overlay_misses():
    assert inside(root=process(1).root).diagnosis == "root-is-the-hosts"
    assert inside(root=Root(BASE, 43, 9)).diagnosis == "on-the-layer"
    assert inside(root=Root("/srv", 41, 9)).diagnosis == "not-an-overlay"
    assert inside(mount("/", "overlay", dev=41, root="/srv")).diagnosis == "not-an-overlay"
    read_only = mount("/", "overlay", dev=90, super_options=(f"lowerdir={MINE}:{BASE}",))
    assert inside(read_only).diagnosis == "overlay-read-only"
    top = made("", lower=BASE, upper=f"{ONE}/upper", target="")
    assert inside(top).diagnosis == "other-layers"
    gone = layers.on_overlay(view(snapshot(), subject=99), lower=BASE)
    assert gone.found == "process 99 is gone"
