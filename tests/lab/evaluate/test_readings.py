"""The table of AgeTransGAN's paper, from files as an estimator or a service leaves them."""

import json

import pytest

from tests.run_vfxage import run

AGES = "file,group,age,confidence\na.jpg,0-2,3.5,99\nb.jpg,35,33.1,88\nc.jpg,70+,61,88\nd.jpg,70+,69,88\n"
PAIRS = "group,confidence\n0-2,61.8\n0-2,61.7\n30-39,76.3\n70+,65.1\n70+,80\n20-29,95\n"
LIMITS = {"0-2": 61.8, "3-6": 68.9, "7-9": 72.7, "10-14": 74.2, "15-19": 76.6, "20-29": None, "30-39": 76.3,
          "40-49": 71.7, "50-69": 65.2, "70+": 65.2}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    def write(ages=AGES, pairs=PAIRS):
        (tmp_path / "ages.csv").write_bytes(ages if isinstance(ages, bytes) else ages.encode())
        (tmp_path / "pairs.csv").write_bytes(pairs if isinstance(pairs, bytes) else pairs.encode())
        return ["evaluate", "--readings", tmp_path / "ages.csv", "--verification", tmp_path / "pairs.csv"]

    return write


def rows_of(*words):
    return {row["group"]: row for row in json.loads(run(*words, "--json").ok().out)["age groups"]}


def test_each_group_has_its_mean_age_and_its_rate_at_its_own_threshold(files):
    rows = rows_of(*files())
    assert list(rows) == ["0-2", "20-29", "30-39", "70+"]
    assert (rows["0-2"]["age"], rows["0-2"]["verified"]) == (3.5, 0.5)  # 61.8 passes, 61.7 does not
    assert (rows["30-39"]["age"], rows["30-39"]["verified"]) == (33.1, 1.0)  # 35 years are 30-39
    assert (rows["70+"]["age"], rows["70+"]["spread"], rows["70+"]["verified"]) == (65.0, 4.0, 0.5)
    assert rows["70+"]["confidence"] == pytest.approx(72.55)
    assert (rows["20-29"]["pictures"], rows["20-29"]["age"], rows["20-29"]["verified"]) == (0, None, None)


def test_the_thresholds_are_the_papers_unless_others_are_given(files):
    every = files("group,age\n" + "".join(f"{group},30\n" for group in LIMITS))
    assert {group: row["threshold"] for group, row in rows_of(*every).items()} == LIMITS
    assert rows_of(*every, "--thresholds", "70")["70+"]["threshold"] == 70
    nine = "1,2,3,4,5,6,7,8,9"
    assert [row["threshold"] for row in rows_of(*every, "--thresholds", nine).values()] == [
        1,
        2,
        3,
        4,
        5,
        None,
        6,
        7,
        8,
        9,
    ]
    for wrong in ("1,2", "x", "101"):
        run(*every, "--thresholds", wrong).fails(2, "--thresholds", "nine" if wrong != "x" else "not a number")


def test_ages_fall_into_the_papers_groups(files):
    ends = {"0": "0-2", "2.9": "0-2", "3": "3-6", "6": "3-6", "7": "7-9", "10": "10-14", "14": "10-14", "15": "15-19",
            "20": "20-29", "29": "20-29", "50": "50-69", "69.9": "50-69", "70": "70+", "120": "70+"}  # fmt: skip
    for age, group in ends.items():
        assert rows_of(*files(f"group,age\n{age},1\n"))[group]["pictures"] == 1


def test_the_table_is_printed_with_dashes_for_what_is_not_there(files):
    lines = run(*files()).ok().out.splitlines()
    (row,) = [line.split() for line in lines if line.split()[:1] == ["20-29"]]
    assert row == ["20-29", "0", "-", "-", "1", "95.0", "-", "-"]


@pytest.mark.parametrize(
    ("ages", "words"),
    [
        ("group,age\n0-2,3\n3-5,4\n", ("ages.csv:3:", "'3-5'", "70+")),
        ("group,age\n0-2,3\n0-2,old\n", ("ages.csv:3:", "'old'")),
        ("group,age\n0-2,3\n\n0-2,\n", ("ages.csv:4:", "empty")),
        ("group,age\n0-2,nan\n", ("ages.csv:2:", "0 to 120")),
        ("group,age\n0-2,-1\n", ("ages.csv:2:", "0 to 120")),
        ("group,age\n0-2,3,4\n", ("ages.csv:2:", "more cells")),
        ("group,years\n0-2,3\n", ("ages.csv:1:", "no column age", "group,age")),
        ('group,age\n"0-2,3\n', ("ages.csv",)),
        ("group,age\n", ("ages.csv", "no rows")),
        ("", ("ages.csv:1:", "no column")),
        (b"group,age\n\xff\xfe,3\n", ("ages.csv", "UTF-8")),
    ],
)
def test_a_bad_table_is_named_with_its_line(files, ages, words):
    run(*files(ages)).fails(3, *words)


def test_both_files_must_be_there(files, tmp_path):
    words = files()
    run(*words[:3]).fails(2, "--verification")
    (tmp_path / "pairs.csv").unlink()
    run(*words).fails(3, "pairs.csv")
    (tmp_path / "pairs.csv").mkdir()
    run(*words).fails(3, "pairs.csv")
    (tmp_path / "pairs.csv").rmdir()
    run(*files(pairs=PAIRS.replace("80", "180"))).fails(3, "pairs.csv:6:", "0 to 100")


def test_options_of_one_task_are_refused_in_another(files):
    run(*files(), "--blind", "out").fails(2, "--blind", "--readings", "different tasks")
    run(*files(), "--seed", 3).fails(2, "--seed", "leave out --seed")
    run("evaluate", "--thresholds", "70").fails(2, "--thresholds", "name --readings too")
    run("evaluate").fails(2, "--portraits", "--shot", "--blind", "--readings")
