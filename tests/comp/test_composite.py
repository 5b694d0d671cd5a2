"""The comp identity, bit by bit, on plates with everything a plate may hold."""

import numpy as np
import pytest

from vfxage.colour.space import Colour
from vfxage.comp.composite import WantedPasses, composite
from vfxage.comp.stencils import ArtistMattes, Stencil
from vfxage.types import FaceCrop, FaceDelta, Frame, FrameDeltas, Window

LINEAR = "Linear Rec.709 (sRGB)"
WINDOW = Window(-7, 5, 160, 120)


@pytest.fixture(scope="module")
def colour():
    return Colour(LINEAR)


def soft_disc(size, radius):
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    t = np.clip((radius - np.hypot(x, y)) / (0.4 * radius), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def plate(seed=0, window=WINDOW):
    """Every half in turn, NaN with payloads, infinities, negatives and both zeros among them; then plain exposure."""
    bits = (np.arange(window.width * window.height * 3) * 2503 % 65536).astype(np.uint16)
    wild = bits.view(np.float16).reshape(*window.shape, 3)
    plain = np.random.default_rng(seed).uniform(0, 0.9, (*window.shape, 3)).astype(np.float16)
    half = np.where(np.arange(window.height)[:, None, None] % 2, wild, plain)
    rgb = np.ascontiguousarray(half).astype(np.float32)
    return Frame(number=1001, window=window, rgb=rgb, native=half)


def face(step, at=(60.3, 50.7), *, size=64, scale=0.9, intensity=1.0, name="lead", face=0, matte=None):
    to_frame = np.array([[scale, 0, at[0] - scale * size / 2], [0, scale, at[1] - scale * size / 2]])
    crop = FaceCrop(
        face=face,
        name=name,
        rgb=np.full((size, size, 3), 0.5, np.float32),
        points=np.zeros((478, 2), np.float32),
        matte=soft_disc(size, 28) if matte is None else matte,
        to_frame=to_frame,
        ages=(40.0, 70.0),
        intensity=intensity,
    )
    return FaceDelta(crop=crop, step=np.ascontiguousarray(np.broadcast_to(np.float32(step), (size, size, 3))))


def render(colour, *faces, frame=None, layers=False):
    return composite(FrameDeltas(frame=frame or plate(), deltas=faces), colour, WantedPasses(layers=layers))


def same_bits(one, other):
    return one.view(np.uint32) == other.view(np.uint32)


def test_outside_the_matte_every_bit_is_the_plates(colour):
    frame = plate()
    result = render(colour, face(0.2), face(-0.3, (20.0, 30.0), face=1), frame=frame)
    outside = result.matte == 0
    assert 0.2 < outside.mean() < 0.9
    assert same_bits(result.beauty, frame.rgb)[outside].all()
    assert same_bits(result.delta, np.zeros_like(result.delta))[outside].all()


def test_beauty_is_plate_plus_delta_in_float_and_after_rounding_to_half(colour):
    frame = plate()
    result = render(colour, face(0.2), frame=frame)
    finite = np.isfinite(frame.rgb)
    assert (result.delta != 0).mean() > 0.05
    with np.errstate(invalid="ignore"):
        total = frame.rgb + result.delta
    np.testing.assert_array_equal(result.beauty[finite], total[finite])
    np.testing.assert_array_equal(result.beauty.astype(np.float16)[finite], total.astype(np.float16)[finite])
    assert np.isfinite(result.beauty.astype(np.float16)[finite]).all()
    assert same_bits(result.beauty, frame.rgb)[~finite].all()


def srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def from_srgb(code):
    return np.where(code <= 0.04045, code / 12.92, ((np.maximum(code, 0) + 0.055) / 1.055) ** 2.4)


def test_delta_is_the_formula(colour):
    """A flat plate, a flat step, matte 1 in the middle: one number by IEC 61966-2-1."""
    flat = Frame(number=1, window=WINDOW, rgb=np.full((*WINDOW.shape, 3), 0.18, np.float32))
    result = render(colour, face((0.1, -0.05, 0.0), intensity=0.5), frame=flat)
    expected = from_srgb(srgb(0.18) + 0.5 * np.array([0.1, -0.05, 0.0])) - 0.18
    j, i = 50 - WINDOW.y, 60 - WINDOW.x
    assert result.matte[j, i] == 1
    np.testing.assert_allclose(result.delta[j, i], expected, atol=2e-6)
    edge = (result.matte > 0.2) & (result.matte < 0.8)
    np.testing.assert_allclose(result.delta[edge], result.matte[edge][:, None] * expected, atol=2e-6)


def test_a_step_of_zero_changes_nothing(colour):
    frame = plate()
    result = render(colour, face(0.0), face(0.3, (30, 30), face=1, intensity=0.0), frame=frame)
    assert same_bits(result.beauty, frame.rgb).all()
    assert same_bits(result.delta, np.zeros_like(result.delta)).all()
    assert result.matte.max() == 1


def test_no_face_is_data(colour):
    frame = plate()
    result = render(colour, frame=frame, layers=True)
    assert same_bits(result.beauty, frame.rgb).all()
    assert not result.delta.any()
    assert not result.matte.any()
    assert result.layers == ()
    assert result.beauty is not frame.rgb


def test_mattes_of_overlapping_faces_never_pass_one_and_layers_add_up(colour):
    faces = face(0.2), face(-0.1, (72.0, 52.0), face=1, name="other"), face(0.1, (66.0, 60.0), face=2, name="third")
    result = render(colour, *faces, layers=True)
    assert [layer.name for layer in result.layers] == ["lead", "other", "third"]
    assert 0 <= result.matte.min() <= result.matte.max() == 1
    delta, matte = np.zeros_like(result.delta), np.zeros_like(result.matte)
    for layer in result.layers:
        assert layer.window.intersect(WINDOW) == layer.window
        delta[layer.window.slices(WINDOW)] += layer.delta
        matte[layer.window.slices(WINDOW)] += layer.matte
    assert same_bits(delta, result.delta).all()
    np.testing.assert_allclose(matte, result.matte, atol=3e-7)
    alone = sum((render(colour, one).matte for one in faces), np.zeros_like(matte))
    assert (alone > 1.5).any()
    np.testing.assert_allclose(result.matte, np.minimum(alone, 1), atol=1e-6)


def test_faces_that_cancel_leave_the_plate(colour):
    """Steps of a few roundings up and down: at some pixels the second face takes back exactly what the first added."""
    rgb = np.random.default_rng(5).uniform(0.2, 0.9, (*WINDOW.shape, 3)).astype(np.float32)
    frame = Frame(number=1, window=WINDOW, rgb=rgb)
    result = render(colour, face(4e-7), face(-4e-7, face=1), frame=frame, layers=True)
    first = np.zeros_like(rgb)
    first[result.layers[0].window.slices(WINDOW)] = result.layers[0].delta
    cancelled = (first != 0) & (result.delta == 0)
    assert cancelled.sum() > 20
    assert same_bits(result.beauty, rgb)[cancelled].all()
    assert same_bits(result.beauty, rgb + result.delta).all()


def test_highlights_do_not_become_infinite(colour):
    rgb = np.full((*WINDOW.shape, 3), 65000.0, np.float32)
    rgb[::2] = -65000.0
    frame = Frame(number=1, window=WINDOW, rgb=rgb.astype(np.float16).astype(np.float32))
    result = render(colour, face(9.0), face(9.0, (62, 50), face=1), frame=frame, layers=True)
    assert result.delta.any()
    assert np.isfinite(result.beauty.astype(np.float16)).all()
    np.testing.assert_array_equal(result.beauty, frame.rgb + result.delta)
    shares = np.zeros_like(result.delta)
    for layer in result.layers:
        shares[layer.window.slices(WINDOW)] += layer.delta
    assert same_bits(shares, result.delta).all()


@pytest.mark.parametrize("at", [(-20.0, 0.0), (150.0, 130.0), (153.0, 60.0), (-5.0, 4.0), (900.0, -900.0)])
def test_faces_at_and_over_the_edge_of_the_data_window(colour, at):
    """The area inside is equal to that of a larger plate."""
    frame = plate()
    result = render(colour, face(0.2, at), frame=frame)
    around = Window(-300, -300, 700, 700)
    rgb = np.zeros((*around.shape, 3), np.float32)
    rgb[WINDOW.slices(around)] = frame.rgb
    larger = render(colour, face(0.2, at), frame=Frame(number=1001, window=around, rgb=rgb))
    np.testing.assert_allclose(result.matte, larger.matte[WINDOW.slices(around)], atol=1e-6)
    finite = np.isfinite(frame.rgb) & (np.abs(frame.rgb) < 10)
    np.testing.assert_allclose(result.delta[finite], larger.delta[WINDOW.slices(around)][finite], atol=1e-5)


def test_where_a_half_matte_reads_zero_there_is_no_delta(colour):
    result = render(colour, face(0.5), face(0.5, (70, 50), face=1))
    read = result.matte.astype(np.float16)
    assert not result.delta[read == 0].any()


def test_inputs_are_left_as_they_were(colour):
    frame, one = plate(), face(0.2)
    before = frame.rgb.copy(), one.step.copy(), one.crop.matte.copy()
    result = render(colour, one, frame=frame)
    for was, now in zip(before, (frame.rgb, one.step, one.crop.matte), strict=True):
        assert same_bits(was, now).all()
    assert result.number == 1001
    assert result.frame is frame


@pytest.mark.parametrize("space", ["ACEScg", "ACES2065-1"])
def test_other_primaries(space):
    """Grey stays grey, and the identity holds."""
    flat = Frame(number=1, window=WINDOW, rgb=np.full((*WINDOW.shape, 3), 0.18, np.float32))
    result = render(Colour(space), face(0.1), frame=flat)
    expected = from_srgb(srgb(0.18) + 0.1) - 0.18
    np.testing.assert_allclose(result.delta[50 - WINDOW.y, 60 - WINDOW.x], expected, rtol=2e-3)
    np.testing.assert_array_equal(result.beauty, flat.rgb + result.delta)


def test_the_matte_times_the_raw_delta_is_the_delta_where_faces_overlap_and_highlights_stop(colour):
    frame = plate()
    faces = (face((0.2, -0.1, 3.0)), face((-0.1, 0.3, 9.0), (80, 58), face=1, name="extra"))
    asked = WantedPasses(layers=True, raw=True)
    result = composite(FrameDeltas(frame=frame, deltas=faces), colour, asked)
    both = np.minimum(*(_over(layer, result) for layer in result.layers))
    assert (both > 0.1).sum() > 100
    for raw, matte, delta in (
        (result.raw, result.matte, result.delta),
        *((layer.raw, layer.matte, layer.delta) for layer in result.layers),
    ):
        assert np.isfinite(raw).all()
        assert np.allclose(matte[..., None] * raw, delta, rtol=1e-6, atol=1e-9)
    lone = (_over(result.layers[0], result) > 0) & (_over(result.layers[1], result) == 0)
    wide = np.zeros_like(result.raw)
    wide[result.layers[0].window.slices(frame.window)] = result.layers[0].raw
    assert np.allclose(result.raw[lone], wide[lone], rtol=1e-5)


def _over(layer, result):
    whole = np.zeros_like(result.matte)
    whole[layer.window.slices(result.frame.window)] = layer.matte
    return whole


def test_a_faces_own_roto_gives_the_other_face_what_it_takes(colour):
    """Where faces overlap they share; a roto that leaves a pixel to one of them leaves it whole."""
    faces = (face(0.1), face(0.2, (64, 52), face=1, name="extra"))
    none = Stencil(window=Window(0, 0, 200, 200), values=np.zeros((200, 200), np.float32), outside=0.0)
    item = FrameDeltas(frame=plate(), deltas=faces)
    alone = composite(FrameDeltas(frame=plate(), deltas=faces[1:]), colour, WantedPasses(layers=True))
    both = composite(item, colour, WantedPasses(layers=True), ArtistMattes(number=1001, faces={0: (none,)}))
    assert np.array_equal(both.delta, alone.delta)
    hold = Stencil(window=Window(40, 30, 30, 30), values=np.full((30, 30), 0.5, np.float32), outside=1.0)
    shared, plain = composite(item, colour, mattes=ArtistMattes(number=1001, whole=(hold,))), composite(item, colour)
    inside = (slice(25, 55), slice(47, 77))  # the window begins at -7, 5
    assert np.allclose(shared.matte[inside], plain.matte[inside] / 2, atol=2e-4)  # less than 1e-4 of a matte is none
    assert shared.matte[inside].max() == pytest.approx(0.5)
    outside = np.ones(plain.matte.shape, bool)
    outside[inside] = False
    assert np.array_equal(shared.matte[outside], plain.matte[outside])


def test_mattes_of_another_frame_are_refused(colour):
    item = FrameDeltas(frame=plate(), deltas=())
    with pytest.raises(ValueError, match="of frame 1002, the plate is frame 1001"):
        composite(item, colour, mattes=ArtistMattes(number=1002))
