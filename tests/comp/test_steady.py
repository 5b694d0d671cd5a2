"""The filter on pictures whose truth is known: grain on a still face, lips that move, cuts, gaps, chunks."""

import itertools

import cv2
import numpy as np
import pytest

from vfxage.comp.steady import steady
from vfxage.geometry import crop_transform, face_matte, invert, map_points, warp_to_crop
from vfxage.types import FaceCrop, FaceDelta, Frame, FrameDeltas, Framing, Window

SIZE = 256
WINDOW = Window(0, 0, 2, 2)


@pytest.fixture(scope="module")
def still(portraits):
    """A portrait's crop, its points and matte."""
    picture = cv2.imread(str(portraits / "eval/lon_090_neutral.jpg"))[..., ::-1].astype(np.float32) / 255
    with np.load(portraits / "eval/landmarks.npz", allow_pickle=False) as archive:
        points = archive["lon_090_neutral"]
    to_frame = crop_transform(points, Framing(name="ffhq"), SIZE)
    rgb = np.clip(warp_to_crop(picture, Window(0, 0, 512, 512), to_frame, SIZE), 0, 1)
    inside = map_points(points, invert(to_frame)).astype(np.float32)
    return rgb, inside, face_matte(inside, SIZE, "face", 0.08)


def detail(rgb):
    """A step that is a plain function of the picture: its middle band raised."""
    luma = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    band = cv2.GaussianBlur(luma, (0, 0), 0.8) - cv2.GaussianBlur(luma, (0, 0), 4.0)
    return np.ascontiguousarray(np.repeat(band[..., None], 3, 2))


def item(number, still, step, *, rgb=None, face=0, intensity=1.0, hair=None):
    picture, points, matte = still
    rgb = np.ascontiguousarray(picture if rgb is None else rgb, np.float32)
    crop = FaceCrop(
        face=face,
        name=f"face{face}",
        rgb=rgb,
        points=points,
        matte=matte,
        to_frame=np.eye(2, 3),
        ages=(40.0, 70.0),
        intensity=intensity,
    )
    frame = Frame(number=number, window=WINDOW, rgb=np.zeros((2, 2, 3), np.float32))
    return FrameDeltas(
        frame=frame, deltas=(FaceDelta(crop=crop, step=np.ascontiguousarray(step, np.float32), hair=hair),)
    )


def flat(still, number, value, **keys):
    """A still face whose step is one number."""
    return item(number, still, np.full((SIZE, SIZE, 3), value, np.float32), **keys)


def centre(result):
    return [float(one.deltas[0].step[SIZE // 2, SIZE // 2, 0]) if one.deltas else None for one in result]


def grain(rng, sigma):
    noise = cv2.GaussianBlur(rng.normal(0, 1, (SIZE, SIZE, 3)).astype(np.float32), (0, 0), 0.7)
    return noise * (sigma / noise.std())


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_a_still_face_with_grain_does_not_shimmer_and_keeps_its_detail(still, sigma):
    rng = np.random.default_rng(1)
    takes = [np.clip(still[0] + grain(rng, sigma), 0, 1) for _ in range(9)]
    items = [item(n, still, detail(rgb), rgb=rgb) for n, rgb in enumerate(takes)]
    result = list(steady(items, 2, 1.0, ()))
    core = still[2] == 1
    before, after = (np.array([one.deltas[0].step[core] for one in all_][2:-2]) for all_ in (items, result))
    assert after.std(axis=0).mean() < 0.6 * before.std(axis=0).mean()
    truth = detail(still[0])[core]
    assert np.sum(after[2] * truth) / np.sum(truth**2) == pytest.approx(1, abs=0.03)
    sharp = (truth - cv2.GaussianBlur(detail(still[0]), (0, 0), 1.5)[core]).ravel()
    kept = after.mean(axis=0) - cv2.GaussianBlur(result[4].deltas[0].step, (0, 0), 1.5)[core]
    assert np.sum(kept.ravel() * sharp) / np.sum(sharp**2) > 0.9


def opened(still, by):
    """The mouth's lower half pulled down by ``by`` pixels: dark inside, the chin follows."""
    rgb, points, _ = still
    x, y = np.meshgrid(np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32))
    mouth = points[[13, 14]].mean(0)
    reach = np.exp(-(((x - mouth[0]) / 26) ** 2))
    below = y - mouth[1]
    pull = np.where(below > 0, by * reach * np.exp(-np.maximum(below - by, 0) / 60), 0)
    moved = cv2.remap(rgb, x, (y - pull).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = ((below > 0) & (below < pull))[..., None]
    return np.where(inside, np.array([0.15, 0.06, 0.06], np.float32), moved).astype(np.float32)


def test_a_talking_mouth_does_not_ghost(still):
    """The error to each frame's own truth, where the mouth moves, against no filter and against a plain mean."""
    rng = np.random.default_rng(2)
    pictures = [opened(still, by) for by in (0, 3, 8, 14, 18, 15, 9, 3, 0)]
    truth = [detail(rgb) for rgb in pictures]
    noisy = [step + grain(rng, 0.01) for step in truth]
    mouth = np.zeros((SIZE, SIZE), bool)
    x, y = still[1][14].astype(int)
    mouth[y - 12 : y + 40, x - 30 : x + 30] = True
    mouth &= still[2] == 1

    def error(steps):
        return np.sqrt(np.mean([np.mean((s - t)[mouth] ** 2) for s, t in zip(steps[2:-2], truth[2:-2], strict=True)]))

    def filtered(steps):
        items = [item(n, still, step, rgb=rgb) for n, (step, rgb) in enumerate(zip(steps, pictures, strict=True))]
        return [one.deltas[0].step for one in steady(items, 2, 1.0, ())]

    size = np.sqrt(np.mean([np.mean(t[mouth] ** 2) for t in truth]))
    mean = [np.mean(truth[max(0, n - 2) : n + 3], axis=0) for n in range(len(truth))]
    assert error(mean) > 0.4 * size  # what ghosting is
    assert error(filtered(truth)) < 0.15 * size
    assert error(filtered(noisy)) < error(noisy)


def test_a_moving_face_takes_its_step_along(still):
    """The whole picture drifts two pixels a frame: the step is found where it went, not where it was."""
    pictures = [np.roll(still[0], 2 * n, axis=1) for n in range(5)]
    items = [item(n, still, detail(rgb), rgb=rgb) for n, rgb in enumerate(pictures)]
    core = still[2] == 1
    truth = items[2].deltas[0].step[core]
    after = list(steady(items, 2, 1.0, ()))[2].deltas[0].step[core]
    plain = np.mean([one.deltas[0].step[core] for one in items], axis=0)
    assert np.std(plain - truth) > 0.3 * np.std(truth)  # what standing still would cost
    assert np.std(after - truth) < 0.12 * np.std(truth)


@pytest.mark.parametrize(("radius", "strength"), [(0, 1.0), (2, 0.0)])
def test_off_is_off_to_the_object(still, radius, strength):
    items = [flat(still, n, n) for n in range(4)]
    assert all(a is b for a, b in zip(steady(items, radius, strength, ()), items, strict=True))


def test_strength_lies_between_nothing_and_all(still):
    items = [flat(still, n, float(n == 2)) for n in range(5)]
    tops = [centre(steady(items, 2, strength, ()))[2] for strength in (1e-6, 0.25, 0.5, 1.0)]
    assert tops[0] == pytest.approx(1, abs=1e-4)
    assert tops == sorted(tops, reverse=True)
    assert tops[-1] < 0.35


def reach_of(items, radius, cuts=()):
    """For each frame, how far its answer is from its own step: 0 where no neighbour counted."""
    own = centre(items)
    return [
        None if a is None else abs(a - b) > 1e-6
        for a, b in zip(centre(steady(items, radius, 1.0, cuts)), own, strict=True)
    ]


def test_nothing_crosses_a_cut(still):
    items = [flat(still, n, 0.0 if n < 13 else 1.0) for n in range(10, 16)]
    assert not any(reach_of(items, 2, cuts=(13,)))
    assert reach_of(items, 2) == [False, True, True, True, True, False]


def test_only_numbers_within_the_radius_are_neighbours(still):
    far = [flat(still, n, float(i)) for i, n in enumerate((1, 6, 11, 16))]
    assert not any(reach_of(far, 2))
    every_other = [flat(still, n, float(i % 2)) for i, n in enumerate((1, 3, 5, 7))]
    assert all(reach_of(every_other, 2))
    assert not any(reach_of(every_other, 1))


def test_it_starts_anew_where_the_face_was_gone(still):
    gone = FrameDeltas(frame=Frame(number=2, window=WINDOW, rgb=np.zeros((2, 2, 3), np.float32)), deltas=())
    items = [flat(still, 1, 0.0), gone, flat(still, 3, 1.0)]
    assert reach_of(items, 2) == [False, None, False]
    weightless = [flat(still, 1, 0.0), flat(still, 2, 0.0, intensity=0.0), flat(still, 3, 1.0)]
    assert not any(reach_of(weightless, 2))
    another = [flat(still, 1, 0.0), flat(still, 2, 1.0, face=7)]
    assert not any(reach_of(another, 2))


def test_it_starts_anew_where_the_crop_changes_size(still):
    large = tuple(np.repeat(np.repeat(a, 2, 0), 2, 1) if a.shape[0] == SIZE else a * 2 for a in still)
    items = [flat(still, 1, 0.0), item(2, large, np.ones((2 * SIZE, 2 * SIZE, 3)))]
    assert list(centre(steady(items, 2, 1.0, ()))) == [0.0, 1.0]


def test_two_faces_do_not_mix(still):
    items = []
    for n in range(3):
        one, two = flat(still, n, 0.25), flat(still, n, -0.5, face=1)
        items.append(FrameDeltas(frame=one.frame, deltas=one.deltas + two.deltas))
    for result in steady(items, 2, 1.0, ()):
        assert [d.crop.face for d in result.deltas] == [0, 1]
        np.testing.assert_allclose(result.deltas[0].step, 0.25, atol=1e-6)
        np.testing.assert_allclose(result.deltas[1].step, -0.5, atol=1e-6)


def shaky(still, count):
    rng = np.random.default_rng(3)
    pictures = [np.clip(opened(still, 6 + 6 * np.sin(n)) + grain(rng, 0.01), 0, 1) for n in range(count)]
    return [item(1001 + n, still, detail(rgb), rgb=rgb) for n, rgb in enumerate(pictures)]


def steps(result):
    return {one.frame.number: one.deltas[0].step.tobytes() for one in result}


@pytest.mark.parametrize("radius", [1, 2])
def test_any_chunk_with_handles_gives_the_same_bits(still, radius):
    items = shaky(still, 9)
    whole = steps(steady(items, radius, 1.0, (1006,)))
    for start, stop in ((0, 1), (3, 6), (5, 9)):
        chunk = items[max(0, start - radius) : stop + radius]
        part = steps(steady(chunk, radius, 1.0, (1006,)))
        for one in items[start:stop]:
            assert part[one.frame.number] == whole[one.frame.number]


def test_the_same_bits_for_any_number_of_opencv_threads(still):
    items = shaky(still, 4)
    before = cv2.getNumThreads()
    try:
        answers = []
        for threads in (1, 2, 7):
            cv2.setNumThreads(threads)
            answers.append(steps(steady(items, 2, 1.0, ())))
    finally:
        cv2.setNumThreads(before)
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("radius", [1, 3])
def test_it_holds_no_more_than_its_window(still, radius):
    """Items taken but not yet given back, at every moment; and every number comes out once, in order."""
    taken = itertools.count(1)
    last = 0

    def feed():
        nonlocal last
        for number in (*range(1, 8), *range(20, 26)):
            last = next(taken)
            yield flat(still, number, 0.1)

    given = []
    for result in steady(feed(), radius, 1.0, ()):
        given.append(result.frame.number)
        assert last - len(given) <= radius + 1
    assert given == [*range(1, 8), *range(20, 26)]


def test_inputs_are_left_as_they_were(still):
    items = shaky(still, 3)
    before = steps(items)
    list(steady(items, 2, 1.0, ()))
    assert steps(items) == before


@pytest.mark.parametrize("intensity", [1.0, 0.0])
def test_hair_is_averaged_as_steps_are_even_where_nothing_ages(still, intensity):
    """On a still picture the weights are those of the window: 1, and 1 - (d / (radius + 1))**2 for its neighbours."""
    values = [0.2, 0.9, 0.4, 0.8, 0.1]
    mattes = [np.full((SIZE, SIZE), value, np.float32) for value in values]
    items = [flat(still, n, 0.0, hair=matte, intensity=intensity) for n, matte in enumerate(mattes)]
    result = list(steady(items, 2, 1.0, ()))
    weights = np.array([1 - (d / 3) ** 2 for d in (-2, -1, 0, 1, 2)])
    middle = float(result[2].deltas[0].hair[SIZE // 2, SIZE // 2])
    assert middle == pytest.approx(float(weights @ values / weights.sum()), abs=1e-3)
    assert not result[2].deltas[0].step.any()
