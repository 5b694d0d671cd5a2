"""Made-up people whose contrast grows by the years: something a small network learns in a few steps."""

import csv
import json

import numpy as np
from PIL import Image


def face(person, age, side=64):
    """(side, side, 3) uint8: smooth colours of the person, the further from grey the older."""
    coarse = np.random.default_rng(person).integers(70, 180, (5, 5, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), np.float32)
    return np.clip(np.round(128 + (smooth - 128) * (1 + (age - 20) / 50)), 0, 255).astype(np.uint8)


def make_people(folder, people=4, ages=(20, 45, 70), side=64, real=45):
    """An index of ``people`` at ``ages``, the one at ``real`` a photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "person", "age", "real"])
        for person in range(people):
            for age in ages:
                name = f"p{person}_{age}.png"
                Image.fromarray(face(person, age, side)).save(folder / name)
                writer.writerow([name, f"p{person}", age, int(age == real)])
    return folder


RECIPE = """
out: run
seed: 3
data:
  pairs: [{folder: people}]
  side: 64
  smallest: 32
  holdout: 0
crop: {sizes: [64], jitter: 0.02}
augment: {occlusion: {share: 0.5}}
losses: {stability: {weight: 0.1, every: 2}, adversarial: {weight: 0.01, start: 2, ramp: 2, channels: 8}}
schedule: {steps: 1000, batch: 2, warmup: 2}
output: {checkpoint_every: 4, log_every: 1, sheet_every: 5, sheet_people: 2}
"""


EFFECTS = ("exposure", "white_balance", "colour", "gradient", "defocus", "motion", "grain", "jpeg", "occlusion")
PLAIN = RECIPE[: RECIPE.index("augment:")] + RECIPE[RECIPE.index("schedule:") :]
PLAIN += "augment: {" + ", ".join(f"{name}: {{share: 0}}" for name in EFFECTS) + "}\n"
"""No effects, and of the losses those that compare deltas."""


def curve(folder):
    """The lines of a run's losses."""
    return [json.loads(line) for line in (folder / "run" / "losses.jsonl").read_text().splitlines()]


def recipe_in(folder, text=RECIPE, **people):
    """The folder's recipe, with its people beside it."""
    if not (folder / "people").exists():
        make_people(folder / "people", **people)
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path
