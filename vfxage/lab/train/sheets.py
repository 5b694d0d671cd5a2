"""Validation of the mean weights on people held out: a contact sheet, and the l1 of their pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vfxage.ager import ARCHITECTURES
from vfxage.lab.portraits import Portrait
from vfxage.lab.train.answerer import Answerer
from vfxage.lab.train.augment import Draws, as_floats, prepare
from vfxage.lab.train.augmentations import UNCHANGED
from vfxage.lab.train.batches import Batches, base_of
from vfxage.lab.train.data import Person, TrainingData
from vfxage.lab.train.levelled import as_colours, level, skin_gains
from vfxage.lab.train.losses import face_weight
from vfxage.lab.train.pictures import Pictures
from vfxage.lab.train.recipe import Recipe
from vfxage.types import U8

TILE = 256
_LARGEST = 512
"""Largest side at which the network is run, pixels."""
_STRIP = 22
_TESTS = 8
"""Batches of held-out pairs."""


class Sheets:
    """Uses the same people and ages at every call, so that sheets can be compared."""

    def __init__(self, recipe: Recipe, data: TrainingData, pictures: Pictures) -> None:
        self._recipe, self._pictures = recipe, pictures
        self.seen = not data.held_out
        """Whether nobody was held out, so that the sheet shows people it learned from."""
        people = data.held_out or data.people
        places = np.linspace(0, len(people) - 1, min(recipe.output.sheet_people, len(people))).round().astype(int)
        self._people = [people[place] for place in places]
        quiet = recipe.model_copy(
            update={"crop": recipe.crop.model_copy(update={"whole": 1.0, "jitter": 0.0, "roll": 0.0})}
        )
        paired = any(person.paired for person in data.held_out)
        self._held_out = Batches(quiet, data.of_held_out(), pictures, portraits=False) if paired else None

    def sheet(self, answerer: Answerer, device: torch.device) -> U8:
        """(H, W, 3) uint8: a row a person, the photograph first, then the ages the recipe names."""
        ages = self._recipe.output.sheet_ages
        rows = [self._row(answerer, person, ages, device) for person in self._people]
        return np.concatenate(rows)

    def _row(self, answerer: Answerer, person: Person, ages: Sequence[float], device: torch.device) -> U8:
        base = base_of(person)
        picture = self._pictures.picture(base, person.framing, base)
        multiple = ARCHITECTURES[self._recipe.model.architecture].multiple
        size = min(_LARGEST, picture.shape[0]) // multiple * multiple
        shown = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))
        rgb = torch.from_numpy(shown.copy()).permute(2, 0, 1)[None].to(device).float() / 255
        gains = self._gains(base, person.framing, device)
        tiles = [_tile(shown, f"{base.age:.0f} {'photograph' if base.real else 'as given'}")]
        with torch.inference_mode():
            for age in ages:
                asked = torch.tensor([[base.age, age]], device=device)
                step = answerer(rgb, asked) if gains is None else answerer(level(rgb, gains), asked) / gains
                made = (rgb + step).clamp(0, 1)[0].permute(1, 2, 0)
                tiles.append(_tile((made * 255).round().byte().cpu().numpy(), f"{age:.0f}"))
        return np.concatenate(tiles, axis=1)

    def _gains(self, portrait: Portrait, framing: str, device: torch.device) -> Tensor | None:
        """The gains (1, 3, 1, 1) that level the skin of a portrait; None for a network that does not."""
        if not ARCHITECTURES[self._recipe.model.architecture].levelled:
            return None
        skin = torch.from_numpy(self._pictures.skin(portrait, framing, portrait))[None]
        return skin_gains(as_colours(skin, device))

    def held_out_l1(self, answerer: Answerer, device: torch.device) -> float | None:
        """Mean face-weighted |answer - target| of the same pairs every time; None if nobody is held out."""
        if self._held_out is None:
            return None
        errors: list[Tensor] = []
        with torch.inference_mode():
            for number in range(_TESTS):
                batch = self._held_out(number)
                examples = prepare(as_floats(batch, device), UNCHANGED, Draws(batch, self._recipe.seed, device))
                source, target = examples.source, examples.target
                error = (answerer(source, examples.ages) - (target - source)).abs().mean(1, keepdim=True)
                weight = face_weight(examples.weight, error.shape[-1], 0.0)
                errors.append((error * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6))
        return float(torch.cat(errors).mean())


def _tile(picture: U8, text: str) -> U8:
    tile = Image.new("RGB", (TILE, TILE + _STRIP), (24, 24, 24))
    tile.paste(Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.LANCZOS), (0, _STRIP))
    ImageDraw.Draw(tile).text((6, 4), text, fill=(230, 230, 230), font=ImageFont.load_default(14))
    return np.asarray(tile)
