"""Headless Chromium and the server of the page, for the tests."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--window-size=1500,900",
)
PROGRAM = """
import sys

def watch(event, arguments):
    wanted = {"socket.connect": lambda: arguments[1][0], "socket.getaddrinfo": lambda: arguments[0]}.get(event)
    host = wanted() if wanted and not isinstance(arguments[1], (str, bytes)) else None
    if host not in (None, "127.0.0.1", "localhost", "::1"):
        print("LEAVES", event, host, file=sys.stderr, flush=True)

sys.addaudithook(watch)
from vfxage.cli import main
main()
"""
"""``vfxage``, with a line on stderr for every connection that would leave this machine."""
PATIENCE_S = 120
"""A limit for a machine that is busy; no test measures time."""


class Server:
    """``vfxage lookdev`` in a process of its own."""

    def __init__(self, shot: Path, *options: str) -> None:
        words = ("lookdev", str(shot), "--port", "0", "--no-browser", *options)
        command = [sys.executable, "-c", PROGRAM, *words]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=shot.parent)
        self.errors: list[str] = []
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self._reader.start()
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()  # the address, as soon as the page answers
        assert self.url.startswith("http://127.0.0.1:"), "".join(self.errors)

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    def stop(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send a signal, if it still runs, and give the exit code and all of stderr."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        return code, "".join(self.errors)


@contextmanager
def served(shot: Path, *options: str) -> Iterator[Server]:
    server = Server(shot, *options)
    try:
        yield server
    finally:
        server.stop()


def driver(profile: Path) -> Any:
    """Chromium under Selenium. Skips without Chromium, but not where CI is set."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium and chromedriver")
        pytest.skip("chromium or chromedriver is absent")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


class Look:
    """What a user does and sees on the page."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser, self.url = browser, url

    def run(self, script: str, *values: object) -> Any:
        return self.browser.execute_script(script, *values)

    def until(self, what: str, true: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = true()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"never: {what}; the page says {self.status()!r}")

    def load(self) -> None:
        self.browser.get(self.url)
        self.settled()

    def data(self) -> dict[str, str]:
        return dict(self.run("const v = document.querySelector('.viewer'); return v ? {...v.dataset} : {}"))

    def status(self) -> str:
        return str(self.run("return document.querySelector('.status')?.textContent || ''"))

    def settled(self, after: int = 0) -> int:
        """Wait for a picture that is newer than ``after`` and has the temporal filter in it; its serial number."""

        def ready() -> bool:
            data = self.data()
            fresh = int(data.get("serial", 0)) > after and data.get("settled") == "true"
            return fresh and self.status().startswith("settled")

        self.until("a settled picture", ready)
        return int(self.data()["serial"])

    def picture(self, view: str) -> np.ndarray:
        """The picture (H, W, 3) that the page got from the server, for the frame that it shows."""
        text = self.browser.execute_async_script(
            """
            const [serial, view, done] = arguments;
            fetch(`/picture/${serial}/${view}.bmp`).then((answer) => answer.blob()).then((blob) => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result.split(",")[1]);
                reader.readAsDataURL(blob);
            });
            """,
            self.data()["serial"],
            view,
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))

    def canvas(self) -> np.ndarray:
        """The pixels (H, W, 3) of the canvas."""
        text = self.run("return document.querySelector('.viewer canvas').toDataURL('image/png').split(',')[1]")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))

    def element(self, css: str) -> Any:
        from selenium.webdriver.common.by import By

        return self.until(css, lambda: (self.browser.find_elements(By.CSS_SELECTOR, css) or [None])[0])

    def button(self, text: str) -> Any:
        from selenium.webdriver.common.by import By

        return self.browser.find_element(By.XPATH, f"//button[normalize-space(.)='{text}']")

    def texts(self, css: str) -> list[str]:
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", css))

    def slide(self, control: str, share: float) -> None:
        """Drag the slider of a control to a share of its length."""
        self.drag(self.element(f"[data-control='{control}'] .q-slider"), share)

    def drag(self, slider: Any, share: float) -> None:
        from selenium.webdriver import ActionChains

        track = slider.find_element("css selector", ".q-slider__track-container")
        width = track.size["width"]
        chain = ActionChains(self.browser, duration=50)
        chain.move_to_element(track).click_and_hold().move_by_offset(
            round(width * (share - 0.5)), 0
        ).release().perform()

    def number(self, control: str) -> str:
        return str(self.element(f"[data-control='{control}'] input").get_property("value"))

    def keys(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def click_plate(self, x: float, y: float, size: tuple[int, int]) -> None:
        """Click a pixel of a plate of this size, which is shown whole."""
        from selenium.webdriver import ActionChains

        canvas = self.element(".viewer canvas")
        width, height = canvas.size["width"], canvas.size["height"]
        scale = min(width / size[0], height / size[1])
        chain = ActionChains(self.browser, duration=20)
        chain.move_to_element_with_offset(canvas, round((x - size[0] / 2) * scale), round((y - size[1] / 2) * scale))
        chain.click().perform()

    def frame(self) -> str:
        """The number of the frame, as the page says it."""
        return str(self.element(".frame-number input").get_property("value"))

    def place(self) -> list[float]:
        """Where the plate lies on the canvas: left, top, canvas pixels for each of its own."""
        return list(json.loads(self.data()["place"]))

    def click_curve(self, share: float) -> None:
        """Click the curve at a share of its length."""
        from selenium.webdriver import ActionChains

        chart = self.element(".curve canvas")
        width = chart.size["width"]
        across = 44 + share * (width - 44 - 14) - width / 2  # ECharts' grid, as the page sets it
        ActionChains(self.browser, duration=20).move_to_element_with_offset(chart, round(across), 0).click().perform()

    def pull(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one pixel of the canvas to another."""
        from selenium.webdriver import ActionChains

        chain = ActionChains(self.browser, duration=50)
        chain.move_to_element_with_offset(*self._on_canvas(start)).click_and_hold()
        chain.move_to_element_with_offset(*self._on_canvas(end)).release().perform()

    def wheel(self, at: tuple[float, float], down: int) -> None:
        """Turn the wheel over a pixel of the canvas."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

        origin = ScrollOrigin.from_element(*self._on_canvas(at))
        ActionChains(self.browser).scroll_from_origin(origin, 0, down).perform()

    def _on_canvas(self, at: tuple[float, float]) -> tuple[Any, int, int]:
        canvas = self.element(".viewer canvas")
        return canvas, round(at[0] - canvas.size["width"] / 2), round(at[1] - canvas.size["height"] / 2)

    def requests(self) -> set[str]:
        """The addresses that the browser asked since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance"))
        sent = ("Network.requestWillBeSent", "Network.webSocketCreated")
        found = [event["params"] for event in events if event["method"] in sent]
        return {params.get("url") or params["request"]["url"] for params in found}
