"""The mean face: what the landmarks of every frame are compared with, so that no frame depends on another for it.

Measured on 387 public-domain portraits of men and women of 25 to 86 years (generalised Procrustes analysis, Gower
1975). A face unit is twice the mean distance of the rigid landmarks from their centre. The x axis is parallel to the
line through the corners of the eyes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfxage.types import POINTS

# fmt: off
_RIGID_POINTS = (
    (33, -0.605, 0.005), (133, -0.237, 0.030), (362, 0.235, 0.034), (263, 0.602, 0.009), (6, 0.004, 0.061),
    (197, 0.005, 0.161), (195, 0.007, 0.254), (5, 0.008, 0.354), (4, 0.009, 0.476), (168, 0.003, -0.039),
    (8, 0.003, -0.131), (9, 0.003, -0.244), (151, 0.003, -0.496), (10, 0.002, -0.718), (338, 0.260, -0.710),
    (297, 0.476, -0.670), (109, -0.257, -0.712), (67, -0.478, -0.673), (127, -0.987, 0.067), (356, 0.955, 0.072),
    (234, -0.983, 0.270), (454, 0.950, 0.274), (98, -0.266, 0.588), (327, 0.273, 0.588), (48, -0.279, 0.513),
    (278, 0.289, 0.513), (193, -0.100, -0.023), (417, 0.104, -0.019), (245, -0.136, 0.070), (465, 0.139, 0.074),
    (130, -0.644, 0.009), (359, 0.640, 0.013),
)
# fmt: on
RIGID = [point[0] for point in _RIGID_POINTS]
"""Landmarks that expression hardly moves: eye corners, bridge of the nose, forehead, temples, cheeks' edge."""
RIGID_FACE: NDArray[np.complex128] = np.array([complex(x, y) for _, x, y in _RIGID_POINTS])
"""Where they are on the mean face, x + iy in face units, their centre at 0."""
_REGION_OF = (
    "45555550339444444465520000000000607054444444552055752222047554425029292244454445444444444444475445550759"
    "22429907000577700007255705057054477265570047664960002000002045551466405667444444444700047065555666454757"
    "65444747455550000007000000755555555000005153111111111161815444444455315585333314855443513939334445444544"
    "44444444444844555185933439918111588811118355815158154488365581148664111311111315554664156844444444481114"
    "8165564548586544484845555111111811111185555555511111"
)
"""For each of the first 468 landmarks, the nearest feature on the mean face: 0 right eye, 1 left eye, 2 right brow,
3 left brow, 4 mouth, 5 nose, 6 chin, 7 right cheek, 8 left cheek, 9 forehead."""
_IRISES = (np.arange(468, 473), np.arange(473, POINTS))
REGIONS: tuple[NDArray[np.int64], ...] = (
    *(np.flatnonzero(np.array([*_REGION_OF]) == region) for region in "0123456789"),
    *_IRISES,
)
"""The 478 landmarks in groups that move together; each iris moves on its own."""
IRISES = np.concatenate(_IRISES)
_LIDS = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
_LIDS += [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
_LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
_LIPS += [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]
EXPRESSIVE = np.array([*_LIDS, *_LIPS, *IRISES])
"""Landmarks on the edges of lids and lips, and of the irises."""
