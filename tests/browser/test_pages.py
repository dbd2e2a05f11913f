"""The pages in a real browser, at the size of a phone and of a laptop, light and dark."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser.chromium import PROGRAM, Browser, Tab, chromium
from conftest import lacks
from stage.fake_talk import TALK, scenes

from workshop.stage import log
from workshop.stage.handout import gather
from workshop.stage.page import page
from workshop.stage.recording import Cast, Event
from workshop.stage.web.server import Server

SIZES = ((390, 844), (1280, 800))
SCENES = [scene for scene in scenes(time.time()) if scene.ran and scene.notes]
orders: list[tuple[str, str, int]] = []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if PROGRAM is None:
        lacks("chromium", "the pages are looked at in a real browser: apt-get install chromium")
    with chromium(tmp_path_factory.mktemp("browser")) as found:
        yield found
        assert found.trouble == []


@pytest.fixture
def tab(browser: Browser) -> Tab:
    return Tab(browser)


@pytest.fixture
def served() -> Iterator[Server]:
    def drive(command: str, argument: str, seen: int) -> bool:
        orders.append((command, argument, seen))
        return command != "back"

    orders.clear()
    with Server(share="s", notes="n", drive=drive) as found:
        found.publish(SCENES[0])
        time.sleep(0.2)
        yield found


@pytest.fixture(scope="module")
def handout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logged = log.read(TALK / "scenes.jsonl")
    events = []
    for moment in logged.moments:
        events += [
            Event(moment.at, "m", moment.scene.step),
            Event(moment.at, "o", f"\x1b[2J\x1b[H{moment.scene.title}"),
        ]
    path = tmp_path_factory.mktemp("handout") / "talk.html"
    path.write_text(page(gather(logged), Cast(80, 25, tuple(events))), encoding="utf-8")
    return path


def fits(tab: Tab, width: int) -> None:
    assert tab.value("document.documentElement.scrollWidth") <= width
    beside = tab.value(
        "[...document.querySelectorAll('h1,h2,p,button,.command,.time')].filter(e => e.offsetParent &&"
        f" e.getBoundingClientRect().right > {width}).map(e => e.outerHTML.slice(0, 80))"
    )
    assert beside == []


def grounds(tab: Tab) -> str:
    return str(tab.value("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("secret", ["s", "n"])
def test_a_page_fits_follows_and_has_both_schemes(
    tab: Tab, served: Server, secret: str, width: int, height: int
) -> None:
    found = set()
    for scheme in ("light", "dark"):
        tab.look(width, height, scheme)
        tab.open(served.links["share" if secret == "s" else "notes"])
        found.add(grounds(tab))
        for scene in (*SCENES[::5], SCENES[0]):
            served.publish(scene)
            began = time.monotonic()
            tab.until(f"document.querySelector('h1').textContent.includes({scene.title!r})")
            assert time.monotonic() - began < 2
            fits(tab, width)
    assert len(found) == 2


def test_a_late_comer_needs_no_scripts(tab: Tab, served: Server) -> None:
    tab.look(390, 844, "light")
    tab.open(served.links["share"], scripts=False)
    assert SCENES[0].title in tab.value("document.body.innerText")
    assert tab.value("document.querySelector('noscript').textContent.includes('refresh') || "
                     "!!document.querySelector('noscript meta[http-equiv=refresh]')")  # fmt: skip


def test_a_command_is_copied(tab: Tab, served: Server) -> None:
    tab.look(390, 844, "light")
    tab.open(served.links["share"])
    tab.value("document.querySelector('button[data-copy]').click()")
    assert tab.value("getSelection().toString()") == SCENES[0].lines[0]
    assert tab.value("document.querySelector('button[data-copy]').textContent") in ("Copied", "Selected")


EARLY = """
const Original = EventSource;
window.EventSource = class extends Original {
  constructor(...words) { super(...words); this.addEventListener("scene", () => { window.updated = true; }); }
};
addEventListener("DOMContentLoaded", () => document.querySelector("button[data-copy]").click());
"""


def test_a_press_before_the_first_update_is_not_lost(tab: Tab, served: Server) -> None:
    served.publish(SCENES[0])
    script = tab.call("Page.addScriptToEvaluateOnNewDocument", {"source": EARLY})
    tab.open(served.links["share"])
    tab.until("window.updated")
    tab.call("Page.removeScriptToEvaluateOnNewDocument", script)
    assert tab.value("getSelection().toString()") == SCENES[0].lines[0]


def test_what_is_opened_stays_open(tab: Tab, served: Server) -> None:
    tab.open(served.links["share"])
    tab.until("!!document.querySelector('#map details')")
    tab.value("document.querySelector('#map details').open = true")
    served.publish(
        replace(
            SCENES[0], number=500, stops=(replace(SCENES[0].stops[0], title="Renamed"), *SCENES[0].stops[1:])
        )
    )
    tab.until("document.querySelector('#map').textContent.includes('Renamed')")
    assert tab.value("document.querySelector('#map details').open")


def test_the_speakers_clock_goes_on_by_itself(tab: Tab, served: Server) -> None:
    tab.look(390, 844, "dark")
    tab.open(served.links["notes"])
    served.publish(replace(SCENES[0], number=600, started=time.time() - 65, step_started=time.time() - 65))
    tab.until("document.getElementById('elapsed').textContent >= '1:05'")
    first = tab.value("document.getElementById('elapsed').textContent")
    tab.until(f"document.getElementById('elapsed').textContent > {first!r}", 3)
    assert float(tab.value("parseFloat(getComputedStyle(document.getElementById('elapsed')).fontSize)")) >= 48
    assert float(tab.value("parseFloat(getComputedStyle(document.querySelector('.note')).fontSize)")) >= 20
    assert float(tab.value("document.querySelector('.drive button.first').offsetHeight")) >= 60


def test_a_button_gives_an_order_and_a_refusal_is_said(tab: Tab, served: Server) -> None:
    tab.open(served.links["notes"])
    served.publish(replace(SCENES[0], number=700))
    tab.until("document.querySelector('[data-number]').dataset.number === '700'")
    tab.value("document.querySelector('button[value=next]').click()")
    tab.until("document.getElementById('told').textContent === ''")
    tab.value("document.querySelector('button[value=back]').click()")
    tab.until("document.getElementById('told').textContent.startsWith('Not now')")
    assert orders == [("next", "", 700), ("back", "", 700)]


def test_a_form_without_scripts_drives_too(tab: Tab, served: Server) -> None:
    tab.open(served.links["notes"], scripts=False)
    tab.value("document.querySelector('button[value=next]').click()")
    end = time.monotonic() + 5
    while not orders and time.monotonic() < end:
        time.sleep(0.05)
    assert [order[0] for order in orders] == ["next"]


def test_a_talk_that_has_ended_and_comes_back(tab: Tab) -> None:
    with Server(share="s") as first:
        first.publish(SCENES[0])
        port = int(first.links["share"].split(":")[2].partition("/")[0])
        tab.open(first.links["share"])
        tab.until("document.querySelector('h1') && document.querySelector('h1').textContent.length > 0")
    tab.until("document.getElementById('link').textContent.startsWith('No connection')")
    with Server("127.0.0.1", port, share="s") as second:
        second.publish(replace(SCENES[0], title="Back again"))
        tab.until("document.querySelector('h1').textContent === 'Back again'", 20)
        assert tab.value("document.getElementById('link').textContent") == ""


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_handout_plays_and_asks_nobody(tab: Tab, handout: Path, width: int, height: int) -> None:
    for scheme in ("light", "dark"):
        tab.look(width, height, scheme)
        tab.open(handout.as_uri())
        fits(tab, width)
        chosen = "document.querySelectorAll('button[data-step]')[3]"
        tab.value(f"{chosen}.click()")
        title = tab.value(f"{chosen}.closest('article').querySelector('h2').textContent").partition(". ")[2]
        tab.until(f"document.getElementById('screen').textContent.includes({title!r})")
        tab.until("document.getElementById('play').textContent === 'Pause'")
        before = tab.value("Number(document.getElementById('where').value)")
        tab.until(f"Number(document.getElementById('where').value) > {before}")
        tab.value("document.getElementById('screen').click()")
        assert tab.value("document.getElementById('play').textContent") == "Play"
    assert tab.value("performance.getEntriesByType('resource').length") == 0


def test_the_handout_without_scripts(tab: Tab, handout: Path) -> None:
    tab.open(handout.as_uri(), scripts=False)
    text = tab.value("document.body.innerText")
    assert "readlink /proc/self/ns/*" in text and "Play" not in text
