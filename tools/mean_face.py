"""Make the data file of the mean face from age-labelled portraits: ``python -m tools.mean_face PORTRAITS FILE.npz``.

The list of its sources is written beside it, as JSON. The file that comes with vfxage is
``vfxage/ager/data/mean_face.npz``. Another file changes every picture of ``relief``: remake the golden crops then.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vfxage.lab.mean_face.build import build_mean_face
from vfxage.lab.portraits import mesh_portraits, scan_portraits
from vfxage.progress import Silent


def main() -> None:
    """Build the file that the command line names."""
    if len(sys.argv) != 3:
        sys.exit("give a folder of portraits and the file to write: python -m tools.mean_face PORTRAITS FILE.npz")
    folder, out = (Path(word) for word in sys.argv[1:])
    print(build_mean_face(mesh_portraits(scan_portraits(folder)), out, Silent()))


if __name__ == "__main__":
    main()
