"""The look-dev page in headless Chromium: what an artist does, and that the pixels are those of a render."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.lookdev.chromium import Look, Server
from tests.lookdev.conftest import SIZE
from tests.plates import halves, read_exr
from tests.run_vfxage import run
from vfxage.shot import PointSelect, load_shot

HERO, BROTHER = (slice(120, 300), slice(110, 250)), (slice(120, 300), slice(470, 610))
"""Where the faces are in the plate."""
ARROW_RIGHT, HOME, CONTROL, ENTER = "\ue014", "\ue011", "\ue009", "\ue007"
"""Keys, as WebDriver numbers them."""


def as_displayed(rgb: np.ndarray) -> np.ndarray:
    """Linear Rec.709 as codes of an sRGB display."""
    light = np.clip(rgb, 0.0, 1.0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def rendered(shot: Path, frame: int) -> np.ndarray:
    """The beauty that ``vfxage render`` writes, read by OpenImageIO: (H, W, 3) linear."""
    run("render", shot, "--frames", frame).ok()
    channels = read_exr(shot.parent / "out" / f"twins.{frame}.exr")
    return np.stack([halves(channels[name]) for name in "RGB"], axis=2)


def changed(before: np.ndarray, after: np.ndarray, where: tuple[slice, slice]) -> float:
    return float(np.abs(after[where].astype(float) - before[where]).mean())


def test_an_artist_at_work(look: Look, shot: Path, server: Server) -> None:
    """Load, move a slider, see the pixels change, select the second face, add keyframes, write, reload."""
    before_text = shot.read_text()
    look.load()
    assert look.texts(".chip") == ["hero", "brother"]
    before, canvas = look.picture("beauty"), look.canvas()
    serial = int(look.data()["serial"])

    look.slide("target_age", 0.7)
    serial = look.settled(serial)
    after = look.picture("beauty")
    assert float(look.number("target_age")) > 75
    assert changed(before, after, HERO) > 1.5
    assert changed(before, after, BROTHER) == 0
    assert np.abs(look.canvas().astype(int) - canvas).max() > 10

    look.click_plate(540, 190, SIZE)
    look.until("the brother is chosen", lambda: look.texts(".chip.chosen") == ["brother"])
    assert look.number("target_age") == "60"
    look.button("Set keyframe").click()
    serial = look.settled(serial)
    for _ in range(2):
        look.keys(ARROW_RIGHT)
        serial = look.settled(serial)
    look.slide("target_age", 0.15)
    look.settled(serial)
    assert look.texts(".curve-bar .end") == ["1001 1003"]
    young = look.number("target_age")
    page = look.picture("beauty")

    look.element(".bar .write").click()
    look.until("the diff", lambda: look.texts(".diff .added"))
    assert shot.read_text() == before_text
    look.element(".diff-buttons .write").click()
    look.until("the file is written", lambda: shot.read_text() != before_text)
    hero, brother = load_shot(shot).faces
    assert (hero.target_age.at(1001), brother.target_age.keys) == (
        float(after_number(shot, "hero")),
        ((1001, 60.0), (1003, float(young))),
    )
    old, new = before_text.splitlines(), shot.read_text().splitlines()
    differing = [(was, now) for was, now in zip(old, new, strict=True) if was != now]
    assert [was.split()[0] for was, _ in differing] == ["target_age:", "target_age:"]
    assert differing[1][1].endswith("   # for now")

    look.load()
    assert look.texts(".file") == ["twins.yaml"]
    look.click_plate(540, 190, SIZE)
    look.until("the keyframes", lambda: look.texts(".curve-bar .end") == ["1001 1003"])
    assert np.abs(page - as_displayed(rendered(shot, 1003))).max() <= 1
    assert not [line for line in server.errors if "LEAVES" in line or "Traceback" in line]


def after_number(shot: Path, name: str) -> str:
    """The target age of a face as the text of the file has it."""
    lines = shot.read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if f"name: {name}" in line)
    return next(line for line in lines[start:] if "target_age" in line).split(":")[1].split("#")[0].strip()


def test_views_wipe_and_zoom(look: Look) -> None:
    """Each view shows its picture; the wipe is the plate on the left and the beauty on the right, pixel by pixel."""
    look.load()
    look.element(".outlines").click()  # nothing is drawn over the pixels
    plate, beauty = look.picture("plate"), look.picture("beauty")
    delta, matte = look.picture("delta"), look.picture("matte")
    assert np.array_equal(delta[matte == 0], np.full(int((matte == 0).sum()), 128))
    assert np.array_equal(plate[matte == 0], beauty[matte == 0])
    seen = {}
    for view, key in (("plate", "p"), ("beauty", "b"), ("delta", "d"), ("matte", "m"), ("wipe", "w")):
        look.keys(key)
        look.until(view, partial(shows, look, view))
        for zoom, scale in ZOOMS:
            look.button(zoom).click()
            look.until(zoom, partial(at_scale, look, scale))
            seen[view, zoom] = look.canvas()
    for zoom, scale in ZOOMS:
        look.button(zoom).click()
        x, y, _ = look.until(zoom, partial(at_scale, look, scale))
        for view, picture in (("plate", plate), ("beauty", beauty), ("delta", delta), ("matte", matte)):
            assert same(seen[view, zoom], picture, (x, y, scale)), (view, zoom)
        wipe, middle = seen["wipe", zoom], x + SIZE[0] * scale // 2
        left, right = slice(0, max(middle - LABEL, 0)), slice(middle + LABEL, None)
        assert np.array_equal(wipe[:, left], seen["plate", zoom][:, left])
        assert np.array_equal(wipe[:, right], seen["beauty", zoom][:, right])
        assert not np.array_equal(wipe, seen["beauty", zoom])


ZOOMS = (("100 %", 1), ("200 %", 2))
LABEL = 60
"""So far from the wipe, in pixels, its line and its two words may be."""


def shows(look: Look, view: str) -> bool:
    return look.data()["view"] == view


def at_scale(look: Look, scale: int) -> list[int] | None:
    """The canvas pixel (x, y) of the plate's corner and the scale, if it is this one."""
    place: list[int] = json.loads(look.data()["place"])
    return place if place[2] == scale else None


def same(canvas: np.ndarray, picture: np.ndarray, place: tuple[int, int, int]) -> bool:
    """Whether the canvas shows the picture from ``place`` (x, y) on, each pixel ``scale`` times as wide and high."""
    x, y, scale = place
    large = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + large.shape[1], canvas.shape[1]), min(y + large.shape[0], canvas.shape[0])
    part = large[top - y : bottom - y, left - x : right - x]
    return part.size > 0 and np.array_equal(canvas[top:bottom, left:right], part)


def test_nothing_comes_from_elsewhere(look: Look, server: Server) -> None:
    """Neither the browser nor the server asks another machine."""
    look.requests()
    look.load()
    look.run("document.querySelectorAll('.section .q-item[aria-expanded=false]').forEach((one) => one.click())")
    own = (server.url, server.url.replace("http", "ws"), "data:", "blob:", "chrome")
    asked = look.requests()
    assert any(address.startswith(f"{server.url}picture/") for address in asked)
    assert not [address for address in asked if not address.startswith(own)]
    assert not [line for line in server.errors if "LEAVES" in line]


def test_a_number_is_typed_and_taken_back(look: Look) -> None:
    look.load()
    box = look.element("[data-control='source_age'] input")
    box.send_keys(CONTROL, "a")
    box.send_keys("31.5", ENTER)
    look.until("the change", lambda: look.texts(".file") == ["twins.yaml *"])
    assert look.number("source_age") == "31.5"
    box.send_keys(CONTROL, "a")
    box.send_keys("500", ENTER)
    look.until("a value that is allowed", lambda: float(look.number("source_age")) <= 120)
    diamond = look.element("[data-control='intensity'] .key")
    frame = look.element(".frame-number input").get_property("value")
    diamond.click()
    look.until("a keyframe", lambda: look.texts(".curve-bar .end") == [frame] and diamond.text == "◆")
    diamond.click()
    look.until("no keyframe", lambda: look.texts(".curve-bar .end") == [""] and diamond.text == "◇")
    look.button("Reload").click()
    look.until("no change", lambda: look.texts(".file") == ["twins.yaml"])


def test_every_face_becomes_several(look: Look, shot: Path) -> None:
    """A shot with one entry for every face: a click and a button give each face its own, a second one is changed."""
    before = shot.read_text()
    head = before.split("faces:")[0]
    shot.write_text(f"{head}source_age: 35  # both\ntarget_age: 60\noutputs:\n  - {{path: out/twins.%04d.exr}}\n")
    look.load()
    serial = int(look.data()["serial"])
    look.button("Reload").click()
    look.settled(serial)
    look.until("one entry", lambda: look.texts(".chip") == ["every face"])
    look.click_plate(540, 190, SIZE)
    look.button("Give this face its own settings").click()
    look.until("two entries", lambda: look.texts(".chip") == ["face0", "face1"])
    look.until("one is chosen", lambda: len(look.texts(".chip.chosen")) == 1)
    chosen = look.texts(".chip.chosen")[0]
    look.slide("target_age", 0.2)
    look.until("the change", lambda: float(look.number("target_age")) < 40)
    look.element(".bar .write").click()
    look.until("the diff", lambda: look.texts(".diff .added"))
    look.element(".diff-buttons .write").click()
    look.until("it is written", lambda: "face1" in shot.read_text())
    faces = {face.name: face for face in load_shot(shot).faces}
    assert "source_age: 35  # both" in shot.read_text()
    select = faces[chosen].select
    assert isinstance(select, PointSelect)
    assert select.point[0] > SIZE[0] / 2
    assert {name: face.target_age.at(1001) == 60 for name, face in faces.items()} == {
        name: name != chosen for name in ("face0", "face1")
    }
    shot.write_text(before)
    look.button("Reload").click()
    look.until("the faces", lambda: look.texts(".chip") == ["hero", "brother"])


def test_a_file_that_changed_meanwhile_is_not_written(look: Look, shot: Path) -> None:
    look.load()
    look.button("Reload").click()
    serial = look.settled(int(look.data()["serial"]))
    look.slide("intensity", 0.5)
    look.settled(serial)
    text = shot.read_text()
    shot.write_text(text + "# another hand\n")
    look.element(".bar .write").click()
    look.until("the diff", lambda: look.texts(".diff .added"))
    look.element(".diff-buttons .write").click()
    look.until("a refusal", lambda: "has changed since it was read" in look.texts(".diff-card .problem")[0])
    assert shot.read_text() == text + "# another hand\n"
    look.button("Cancel").click()
    look.until("the dialog is closed", lambda: not look.browser.find_elements("css selector", ".diff-card"))
    look.button("Reload").click()
    look.until("the changes are dropped", lambda: look.texts(".file") == ["twins.yaml"])
    assert look.number("intensity") == "1"


def test_a_click_on_the_curve_goes_to_the_frame_or_the_keyframe_there(look: Look) -> None:
    look.load()
    look.click_plate(180, 190, SIZE)
    look.until("the hero is chosen", lambda: look.texts(".chip.chosen") == ["hero"])
    look.keys(HOME)
    look.until("the first frame", lambda: look.frame() == "1001")
    look.button("Set keyframe").click()
    look.until("a keyframe", lambda: look.texts(".curve-bar .end") == ["1001"])
    look.click_curve(0.52)
    look.until("the frame in the middle", lambda: look.frame() == "1003")
    look.click_curve(0.98)
    look.until("the last frame", lambda: look.frame() == "1005")
    look.click_curve(0.005)
    look.until("the keyframe", lambda: look.frame() == "1001")
    look.button("Reload").click()
    look.until("no change", lambda: look.texts(".file") == ["twins.yaml"])


def test_dragging_moves_the_wipe_and_the_wheel_zooms_about_the_pointer(look: Look) -> None:
    look.load()
    look.element(".outlines").click()
    plate, beauty = look.picture("plate"), look.picture("beauty")
    look.keys("1", "w")
    look.until("the wipe", lambda: look.data().get("view") == "wipe" and look.place()[2] == 1)
    left, top, _ = look.place()
    canvas = look.element(".viewer canvas")
    middle = left + SIZE[0] / 2
    look.pull((middle, 200), (left + 180, 200))
    look.until("the wipe has moved", lambda: wiped_at(look, 180, plate, beauty))
    assert not wiped_at(look, 360, plate, beauty)
    look.pull((left + 400, 100), (left + 430, 140))
    look.until("the picture has moved", lambda: look.place()[:2] == [left + 30, top + 40])
    look.keys("b", "f")
    look.until("the whole picture", lambda: look.data().get("view") == "beauty" and look.place()[2] != 1)
    before = look.place()
    pointer = canvas.size["width"] / 2 - 100, canvas.size["height"] / 2 + 40
    look.wheel(pointer, -400)
    look.until("it is larger", lambda: look.place()[2] > 1.5 * before[2])
    after = look.place()
    for axis in (0, 1):
        below = [(pointer[axis] - place[axis]) / place[2] for place in (before, after)]
        assert abs(below[0] - below[1]) < 1.5, "the pixel below the pointer stays there"
    look.wheel(pointer, 3000)
    look.until("it is small", lambda: look.place()[2] < before[2])


def wiped_at(look: Look, column: int, plate: np.ndarray, beauty: np.ndarray) -> bool:
    """Whether the canvas shows the plate left of a column and the beauty right of it, but for line and labels."""
    left, top, _ = map(round, look.place())
    shown = look.canvas()[top : top + SIZE[1], left : left + SIZE[0]].astype(int)
    parts = (plate, slice(0, column - 10)), (beauty, slice(column + 10, None))
    return all(np.abs(shown[60:330, at] - picture[60:330, at]).max() <= 1 for picture, at in parts)


def test_another_model_is_chosen_and_written(look: Look, shot: Path) -> None:
    before = shot.read_text()
    look.load()
    serial = int(look.data()["serial"])
    builtin = look.picture("beauty")
    look.element(".model").click()
    look.until("the list", lambda: "bands" in look.texts(".q-menu .q-item"))
    look.run("[...document.querySelectorAll('.q-menu .q-item')].find(e => e.textContent === 'bands').click()")
    look.settled(serial)
    assert changed(builtin, look.picture("beauty"), HERO) > 0.5
    look.element(".bar .write").click()
    look.until("the diff", lambda: any("model: bands" in line for line in look.texts(".diff .added")))
    look.element(".diff-buttons .write").click()
    look.until("it is written", lambda: "model: bands" in shot.read_text())
    assert load_shot(shot).model == "bands"
    shot.write_text(before)
    look.button("Reload").click()
    look.until("the model before", lambda: look.texts(".file") == ["twins.yaml"])
