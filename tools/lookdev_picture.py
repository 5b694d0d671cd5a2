"""Make the picture of docs/lookdev.md: the look-dev page with the demo shot, in headless Chromium.

.venv/bin/python -m tools.lookdev_picture          after `make demo`; writes docs/lookdev.jpg

It needs Debian's packages chromium and chromium-driver.
"""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parents[1]
SIZE = "--window-size=1500,1000"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", SIZE)
FRAME = "1024"
PATIENCE_S = 300
SETTLED = "return document.querySelector('.status.settled') && document.querySelector('.viewer').dataset.serial"
"""Whether the picture on the page has the temporal filter in it."""


def wait_for(found: Callable[[], Any]) -> Any:
    """Ask again until there is an answer. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise TimeoutError("the page does not come")


def photograph(address: str) -> Image.Image:
    """Open the page, go to a frame, wipe, open the regions, and take the picture."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS:
        options.add_argument(flag)
    with tempfile.TemporaryDirectory() as profile:
        options.add_argument(f"--user-data-dir={profile}")
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        try:
            browser.get(address)
            wait_for(lambda: browser.execute_script(SETTLED))
            number = browser.find_element(By.CSS_SELECTOR, ".frame-number input")
            number.send_keys(Keys.CONTROL, "a")
            number.send_keys(FRAME, Keys.ENTER)
            browser.find_element(By.XPATH, "//button[normalize-space(.)='Wipe']").click()
            browser.find_element(By.XPATH, "//div[contains(@class,'section')]//*[text()='regions']").click()
            time.sleep(2)
            wait_for(lambda: browser.execute_script(SETTLED))
            time.sleep(1)
            return Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
        finally:
            browser.quit()


def main() -> None:
    """Serve the demo shot, and write the picture."""
    shot = ROOT / "shots" / "demo" / "shot.yaml"
    command = [sys.executable, "-m", "vfxage", "lookdev", str(shot), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        picture = photograph(server.stdout.readline().strip())
        server.send_signal(signal.SIGINT)
    picture.save(ROOT / "docs" / "lookdev.jpg", quality=88)


if __name__ == "__main__":
    main()
