"""Print the table of rigid landmarks in ``vfxage/geometry.py`` from a folder of portraits.

    python tools/face_template.py ../shared/portraits/train

Each portrait's landmarks are brought into the unit square of the FFHQ formula (Karras et al. 2019, dataset/align.py
re-stated below for MediaPipe's mesh), depths come from FaceMesh on the same picture, the median over all portraits
is made symmetric, and the whole is scaled so that ``framing_transform`` and the formula agree in the median.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from mediapipe.python.solutions.face_mesh import FaceMesh
from numpy.typing import NDArray

F64 = NDArray[np.float64]

MIDDLE = (10, 151, 9, 8, 168, 6, 197, 195)
PAIRS = ((33, 263), (133, 362), (127, 356), (162, 389), (21, 251), (234, 454), (116, 345), (111, 340))
"""Left of the picture first: eye corners, temples, upper cheekbones. Nothing that lids, brows, lips or jaw move."""
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
MOUTH = (61, 291)


def ffhq_square(points: F64) -> F64:
    """(2, 3): unit square to pixels, by the formula of the FFHQ data set."""
    left, right = (points[list(eye)].mean(0) for eye in EYES)
    eye_to_eye, eyes = right - left, (left + right) / 2
    eye_to_mouth = points[list(MOUTH)].mean(0) - eyes
    across = eye_to_eye - eye_to_mouth[::-1] * [-1, 1]
    across *= max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8) / np.hypot(*across)
    down = across[::-1] * [-1, 1]
    corner = eyes + 0.1 * eye_to_mouth - across - down
    return np.stack([2 * across, 2 * down, corner], axis=1)


def in_square(points: F64, square: F64) -> F64:
    """Points in units of the square."""
    return np.asarray((points - square[:, 2]) @ np.linalg.inv(square[:, :2]).T, dtype=np.float64)


def measure(folder: Path) -> tuple[F64, F64]:
    """(N, 478, 3) in square units, depth towards the back of the head; and (N, 478, 2) pixels."""
    landmarks = np.load(folder / "landmarks.npz", allow_pickle=False)
    found, pixels = [], []
    with FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1) as mesh:
        for stem in landmarks.files:
            picture = cv2.cvtColor(cv2.imread(str(folder / f"{stem}.jpg")), cv2.COLOR_BGR2RGB)
            faces = mesh.process(picture).multi_face_landmarks
            if not faces:
                continue
            square = ffhq_square(landmarks[stem].astype(np.float64))
            depth = np.array([p.z for p in faces[0].landmark]) * picture.shape[1] / np.hypot(*square[:, 0])
            found.append(np.column_stack([in_square(landmarks[stem], square), depth]))
            pixels.append(landmarks[stem])
    return np.array(found), np.array(pixels, dtype=np.float64)


def symmetric(median: F64) -> dict[int, F64]:
    """The chosen landmarks about the middle line, x, y and z from the square's centre."""
    table = {i: np.array([0.0, median[i, 1] - 0.5, median[i, 2]]) for i in MIDDLE}
    for left, right in PAIRS:
        x = (median[right, 0] - median[left, 0]) / 2
        y, z = (median[left, 1:] + median[right, 1:]) / 2
        table[left], table[right] = np.array([-x, y - 0.5, z]), np.array([x, y - 0.5, z])
    return table


def agreement(table: dict[int, F64], pixels: F64) -> float:
    """Median of our scale over the formula's."""
    ids = list(table)
    known = np.column_stack([np.array([table[i] for i in ids]), np.ones(len(ids))])
    solve = np.linalg.pinv(known)[:3]
    ratios = [np.linalg.svd(solve @ p[ids], compute_uv=False)[0] / np.hypot(*ffhq_square(p)[:, 0]) for p in pixels]
    return float(np.median(ratios))


def main() -> None:
    """Print the table."""
    found, pixels = measure(Path(sys.argv[1]))
    table = symmetric(np.median(found, axis=0))
    factor = agreement(table, pixels)
    for index, place in table.items():
        x, y, z = place * factor
        print(f"    ({index}, {x:+.4f}, {y:+.4f}, {z:+.4f}),")


if __name__ == "__main__":
    main()
