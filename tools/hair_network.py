"""Train the network that finds hair: ``python -m tools.hair_network MASKS.npz WEIGHTS.pt OUT.onnx FOLDER...``.

``tools/hair_masks.npz`` holds the masks, FOLDER are the folders of the portraits they were drawn for. It trains 55
minutes on one core. The network that comes with vfxage is ``vfxage/ager/data/hair.onnx``. Another one changes every
picture of ``relief``: remake the golden crops then.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vfxage.lab.train.hair.masks import masked_portraits
from vfxage.lab.train.hair.train import export, train

MINUTES = 55.0


def main() -> None:
    """Train on the folders that the command line names."""
    if len(sys.argv) < 5:
        sys.exit("give the masks, the weights, the file to write and folders: see the top of tools/hair_network.py")
    masks, weights, out, *folders = (Path(word) for word in sys.argv[1:])
    export(train(masked_portraits(folders, masks), weights, MINUTES), out)


if __name__ == "__main__":
    main()
