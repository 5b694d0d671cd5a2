"""The age reader on people whose age is known by construction."""

import numpy as np
import pytest

from tests.lab.evaluate.faces import crop, mesh
from vfxage.errors import ShotError
from vfxage.lab.evaluate.age_reader import AgeReader, PortraitFeatures, qualities, ridge
from vfxage.lab.evaluate.features import FeatureReader
from vfxage.lab.evaluate.flat import MESH, SIDE, align_mesh, mean_face


def portrait(**known) -> PortraitFeatures:
    """A portrait of a light-skinned person."""
    return PortraitFeatures(tone=40.0, **known)


def turned(points, angle, scale, shift):
    across = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ across.T + shift).astype(np.float32)


def test_a_mesh_is_brought_back_by_the_similarity_that_moved_it(portraits):
    points = mesh(portraits, 256)
    moved = turned(points, 0.3, 1.7, (40, -20))
    assert np.allclose(align_mesh(moved, points.astype(np.float64)), points, atol=1e-3)


def test_the_mean_face_is_symmetric_and_a_flat_face_has_its_landmarks_there(portraits):
    with np.load(portraits / "eval" / "landmarks.npz") as every:
        faces = [every[name] / np.float32(2) for name in sorted(every)[:20]]
    points = faces[0]
    mean = mean_face([points, *(turned(one, 0.1, 1.2, (5, 5)) for one in faces[1:])])
    left, right = mean.points[[33, 133, 61, 234]], mean.points[[263, 362, 291, 454]]
    assert np.allclose(left[:, 0] + right[:, 0], SIDE, atol=0.05)
    assert np.allclose(left[:, 1], right[:, 1], atol=0.05)
    y, x = np.mgrid[:256, :256].astype(np.float32) + 0.5
    flat = mean.flatten(np.dstack([x, y, x]), points)
    for landmark in (4, 50, 280, 199):  # inside the hull, where four pixels surround them
        at = np.floor(mean.points[landmark]).astype(int)
        assert np.allclose(flat[at[1], at[0], :2], points[landmark], atol=1.5)


def people(count, seed=0, *, offset=20.0):
    """Two photo sets, the second older and shifted in every feature, as a different camera would."""
    random = np.random.default_rng(seed)
    slope = random.normal(0, 1, 40)
    for k in range(count):
        other = k % 2
        age = float(random.uniform(20, 50) + offset * other)
        block = 0.05 * age * slope + 7.0 * other + random.normal(0, 0.05, 40)
        yield portrait(person=f"p{k}", photos=f"set{other}", age=age, numbers={"a": block.astype(np.float32)})


def test_ages_that_features_tell_are_read_of_people_left_out():
    faces = list(people(60))
    reader = AgeReader(faces)
    overall, *rest = qualities(faces, [reader.read(one.person, one.photos, one.numbers) for one in faces])
    assert overall.error < 1
    assert overall.correlation > 0.98
    assert 0.9 < overall.slope < 1.05
    assert [one.name for one in rest[:2]] == ["set0", "set1"]
    assert overall.guess == pytest.approx(7.5, abs=1.5)  # a quarter of the sets' thirty years


def test_a_difference_between_photo_sets_is_not_taken_for_age():
    random = np.random.default_rng(4)
    faces = []
    for k in range(200):
        other = k % 2
        age = float(random.uniform(20, 50) + 30 * other)
        camera = other + random.normal(0, 0.4)
        reported = [0.02 * age + random.normal(0, 0.3), camera]
        numbers = {"a": np.array(reported, np.float32)}
        faces.append(portrait(person=f"p{k}", photos=f"set{other}", age=age, numbers=numbers))
    reader = AgeReader(faces)
    young = faces[0]
    other_camera = {"a": young.numbers["a"] + np.array([0, 1], np.float32)}
    moved = reader.read(young.person, young.photos, other_camera) - reader.read(
        young.person, young.photos, young.numbers
    )
    assert abs(moved) < 15  # the sets differ by thirty years and by nothing else


def test_a_person_is_read_by_a_regressor_that_has_never_seen_that_person():
    random = np.random.default_rng(1)
    noise = [random.normal(0, 1, 400).astype(np.float32) for _ in range(40)]
    ages = random.uniform(20, 70, 40)
    faces = [
        portrait(person=f"p{k}", photos="set", age=float(age), numbers={"a": one})
        for k, (one, age) in enumerate(zip(noise, ages, strict=True))
    ]
    reader = AgeReader(faces)
    read = np.array([reader.read(one.person, one.photos, one.numbers) for one in faces])
    assert abs(np.corrcoef(read, ages)[0, 1]) < 0.4  # with 400 features, the seen would be read by heart
    with pytest.raises(KeyError):
        reader.read("a stranger", "set", faces[0].numbers)


def test_one_persons_several_portraits_are_left_out_together():
    random = np.random.default_rng(2)
    marks = {f"p{k}": random.normal(0, 1, 200).astype(np.float32) for k in range(30)}
    faces = [
        portrait(
            person=person,
            photos="set",
            age=20.0 + 1.5 * k,
            numbers={"a": mark + random.normal(0, 0.01, 200)},
        )
        for k, (person, mark) in enumerate(marks.items())
        for _ in range(3)
    ]
    reader = AgeReader(faces)
    read = [reader.read(one.person, one.photos, one.numbers) for one in faces]
    assert qualities(faces, read)[0].correlation < 0.5


def test_copies_teach_which_changes_are_no_ageing():
    random = np.random.default_rng(3)
    age = random.uniform(20, 70, 60)
    grain = random.normal(0, 1, 60) * 0.1

    def numbers(years, noise):
        return {"a": np.array([0.1 * years + noise, noise + 0.02 * years, *random.normal(0, 0.1, 3)], np.float32)}

    plain = [
        portrait(person=f"p{k}", photos="set", age=float(years), numbers=numbers(years, noise))
        for k, (years, noise) in enumerate(zip(age, grain, strict=True))
    ]
    taught = [
        portrait(person=f.person, photos=f.photos, age=f.age, numbers=f.numbers, copies=(numbers(f.age, 2.0),))
        for f in plain
    ]
    shifts = []
    for faces in (plain, taught):
        reader = AgeReader(faces)
        read = [
            reader.read(f.person, f.photos, {"a": f.numbers["a"] + np.array([2, 2, 0, 0, 0], np.float32)})
            - reader.read(f.person, f.photos, f.numbers)
            for f in faces
        ]
        shifts.append(abs(float(np.mean(read))))
    assert shifts[1] < shifts[0] / 3


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_the_regression_is_the_same_for_few_faces_and_for_many(shape):
    """Against least squares with a row for each penalty: sets of tens of thousands must not need a square of rows."""
    random = np.random.default_rng(3)
    numbers, wanted = random.normal(size=shape), random.normal(size=shape[0])
    rows = np.vstack([numbers, np.sqrt(0.3) * np.eye(shape[1])])
    expected = np.linalg.lstsq(rows, np.concatenate([wanted, np.zeros(shape[1])]), rcond=None)[0]
    np.testing.assert_allclose(ridge(numbers, wanted, 0.3), expected, rtol=1e-9, atol=1e-12)


def test_guessing_knows_the_mean_age_of_others_in_the_set_alone():
    none = {"one": np.zeros(1, np.float32)}
    reported = [("a", "x", 20.0), ("a", "x", 30.0), ("a", "y", 50.0), ("a", "z", 60.0), ("b", "x", 70.0)]
    faces = [portrait(photos=photos, person=person, age=age, numbers=none) for photos, person, age in reported]
    others = [55, 55, (20 + 30 + 60) / 3, (20 + 30 + 50) / 3, (20 + 30 + 50 + 60 + 70) / 5]
    apart = [abs(face.age - mean) for face, mean in zip(faces, others, strict=True)]
    assert qualities(faces, [face.age for face in faces])[0].guess == pytest.approx(np.mean(apart))


def test_too_few_people_or_one_age_only_is_an_error():
    few = list(people(8))
    with pytest.raises(ShotError, match="8 people"):
        AgeReader(few)
    same = [portrait(person=f.person, photos="s", age=40.0, numbers=f.numbers) for f in people(20)]
    with pytest.raises(ShotError, match="all of one age"):
        AgeReader(same)


def skin(points, size, amplitude, seed):
    """Skin-coloured noise whose contrast is the face's age."""
    noise = np.random.default_rng(seed).standard_normal((size, size, 1)).astype(np.float32)
    rgb = np.clip(np.array([0.75, 0.55, 0.45], np.float32) * (1 + np.float32(amplitude) * noise), 0, 1)
    return crop(points, size, rgb)


def test_pictures_whose_texture_is_their_age_are_read_and_more_texture_is_read_as_older(portraits):
    points = mesh(portraits, 256)
    features = FeatureReader(mean_face([points]))

    def look(age, seed):
        made = skin(points, 256, 0.02 + 0.002 * age, seed)
        return features.read(made.rgb, made.points)

    ages = np.linspace(20, 70, 14)
    faces = [portrait(person=f"p{k}", photos="set", age=float(age), numbers=look(age, k)) for k, age in enumerate(ages)]
    reader = AgeReader(faces)
    read = [reader.read(one.person, one.photos, one.numbers) for one in faces]
    assert qualities(faces, read)[0].error < 3
    moved = [reader.read(f.person, f.photos, look(f.age + 15, k)) - read[k] for k, f in enumerate(faces[:8])]
    assert np.mean(moved) == pytest.approx(15, abs=4)


def test_features_do_not_see_colour_exposure_or_the_side_of_the_light(portraits):
    points = mesh(portraits, 256)
    mean = mean_face([points])
    features = FeatureReader(mean)
    made = skin(points, 256, 0.08, 5)
    one = features.read(made.rgb, points)
    other = features.read(np.ascontiguousarray(made.rgb * np.float32(0.8)), points)
    for name in ("contrast0", "contrast1", "pattern2", "pattern4"):
        assert np.corrcoef(one[name], other[name])[0, 1] > 0.97
        assert np.abs(one[name] - other[name]).mean() < 0.15 * np.abs(one[name]).mean()
    assert np.array_equal(one["shape"], other["shape"])
    assert all(block.dtype == np.float32 and np.isfinite(block).all() for block in one.values())
    assert len(one["shape"]) == 2 * MESH
