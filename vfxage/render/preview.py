"""A shot shown fast and small: one MP4 of panels and a close-up, and a contact sheet of the faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vfxage.ager import Ager
from vfxage.colour.display import DisplayChoice, Viewing, viewing
from vfxage.comp.composite import WantedPasses
from vfxage.errors import OutputError
from vfxage.face.track import Lost, Tracks, select_faces
from vfxage.frames import Pattern
from vfxage.media.movie import write_h264
from vfxage.pool import ordered_map
from vfxage.progress import Advance, Progress
from vfxage.publish import check_writable
from vfxage.render.drawn import drawn_mattes, open_rotos
from vfxage.render.job import Job, with_shot_line
from vfxage.render.lost import find_lost, note_lost
from vfxage.render.pipeline import note_faces, render_frames
from vfxage.render.preview_page import ContactSheet, PreviewPage
from vfxage.render.proxy import Proxy
from vfxage.render.scene import stage_scene, study_faces, track_shot, with_handles
from vfxage.render.tracking import find_tracks, saved_tracks
from vfxage.shot import PointSelect
from vfxage.types import U8, Render, Window

PANEL_SHAPE = 3 / 4
"""Largest height of a picture of the whole frame, relative to `preview.width`: limits upright plates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The files of a finished preview."""

    movie: Path
    sheet: Path
    """The contact sheet."""
    lost: tuple[Lost, ...]
    """Faces that are lost on these frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewTarget:
    """Output path and settings of a preview."""

    movie: Path
    """The MP4; the contact sheet is a PNG beside it."""
    workers: int
    """Threads that call the ager."""


def preview_path(job: Job, asked: Path | None, *, overwrite: bool) -> Path:
    """Path of the preview: ``asked``, else ``<name>.preview.mp4`` beside the first output.

    Raises OutputError where it would replace the plate, an output, or (without ``overwrite``) any file but a preview.
    """
    movie = (asked or job.folder / f"{job.name}.preview.mp4").resolve()
    if movie.suffix != ".mp4":
        raise OutputError("a preview is an MP4", path=movie, fix="end its name in .mp4")
    for path in (movie, movie.with_suffix(".png")):
        taken = [job.clip.path, *(output.path for output in job.shot.outputs)]
        if any(Pattern.parse(path).overlaps(Pattern.parse(other)) for other in taken):
            raise OutputError("is the plate or an output of the shot", path=path, fix="choose another --out")
        if path.exists() and not (overwrite or path.stem.endswith(".preview")):
            raise OutputError("exists already", path=path, fix="choose another --out, or use --overwrite")
    check_writable(movie.parent)
    return movie


def preview_shot(job: Job, ager: Ager, numbers: Sequence[int], progress: Progress, target: PreviewTarget) -> Preview:
    """Render ``numbers`` small to an MP4 and a PNG beside it.

    Uses saved tracks if plate and settings have not changed. Otherwise it tracks only the range and
    ``tracking.margin`` frames each side, and saves nothing.
    """
    seen = viewing_of(job)
    proxy, small = _small(job)
    with open_rotos(job) as rotos:
        rotos.check(numbers)
        tracks = saved_tracks(job, progress) or tracks_nearby(job, ager, numbers, progress)
        tracks = study_faces(job, tracks, ager, progress)
        with with_shot_line(job.shot, "faces"):  # errors name the pixels of the plate
            select_faces(tracks, job.shot.faces)
        scene = replace(stage_scene(small, proxy.tracks(tracks), ager), passes=WantedPasses(layers=True))
        note_faces(job, scene, tracks, progress)
        page = PreviewPage(job, scene, seen)
        sheet = ContactSheet(page, numbers)

        def draw(render: Render) -> tuple[int, U8]:
            sheet.look(render)
            return render.number, page.draw(render)

        with ExitStack() as stages, progress.stage("preview", len(numbers)) as advance:
            display = Window(0, 0, job.clip.width, job.clip.height)
            needed = with_handles(job.numbers, frozenset(numbers), scene.radius)
            plate = stages.enter_context(closing(job.reader.read(needed)))
            drawn = stages.enter_context(drawn_mattes(rotos, small, scene).read(numbers))
            frames = (proxy.frame(frame, display) for frame in plate)
            mattes = (proxy.mattes(item, display) for item in drawn)
            renders = render_frames(scene, frames, mattes, stages, workers=target.workers)
            pictures = stages.enter_context(ordered_map(draw, renders))
            write_h264(target.movie, _advancing(pictures, advance), job.clip.rate or Fraction(24), seen.space)
    png = target.movie.with_suffix(".png")
    sheet.save(png)
    lost = find_lost(job, tracks, numbers)
    note_lost(lost, progress)
    return Preview(movie=target.movie, sheet=png, lost=lost)


def _small(job: Job) -> tuple[Proxy, Job]:
    """How the plate is shrunk, and the shot as it is on the small plate."""
    width, clip = job.shot.preview.width, job.clip
    proxy = Proxy.of(clip.width, clip.height, clip.pixel_aspect, (width, round(width * PANEL_SHAPE)))
    clip = replace(clip, width=proxy.width, height=proxy.height, pixel_aspect=1.0)
    return proxy, replace(job, clip=clip, shot=proxy.shot(job.shot))


def viewing_of(job: Job) -> Viewing:
    """The display and view of the shot. Raises ShotError with the line of one that cannot be used."""
    asked = job.shot.preview
    with with_shot_line(job.shot, "preview", "view"):
        return viewing(job.colour, job.shot.ocio, DisplayChoice(asked.display, asked.view))


def _advancing(pictures: Iterable[tuple[int, U8]], advance: Advance) -> Iterator[U8]:
    for number, picture in pictures:
        yield picture
        advance(number)


def tracks_nearby(job: Job, ager: Ager, numbers: Sequence[int], progress: Progress) -> Tracks:
    """Track the range and its margin; the whole shot where a face is named by a point elsewhere in it."""
    near = with_handles(job.numbers, frozenset(numbers), job.shot.tracking.margin)
    for face in job.shot.faces:
        if isinstance(face.select, PointSelect) and face.select.frame not in near:
            progress.note(
                f"face {face.name!r} is named by a point on frame {face.select.frame}: tracking the whole shot"
            )
            return track_shot(job, ager, progress)
    return find_tracks(job, near, progress)
