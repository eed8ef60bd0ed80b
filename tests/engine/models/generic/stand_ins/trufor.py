"""Stands in for TruFor's test script: its command line, what it reads and what it leaves; not its network."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("-gpu", "--gpu", type=int, default=0)
parser.add_argument("-in", "--input", default="../images")
parser.add_argument("-out", "--output", default="../output")
parser.add_argument("-save_np", "--save_np", action="store_true")
parser.add_argument("opts", nargs=argparse.REMAINDER)
args = parser.parse_args()
assert Path("trufor.yaml").is_file(), "it opens its settings in the folder that it is started in"
options = dict(zip(args.opts[::2], args.opts[1::2], strict=True))
assert Path(options["TEST.MODEL_FILE"]).read_bytes() == b"weights"
assert args.gpu == -1
for path in Path(args.input).rglob("*"):  # every file, so that one that is no picture ends it
    image = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
    target = Path(args.output) / (path.name + ".npz")
    if not target.exists():
        gray = image.mean(2)
        np.savez(target, map=gray, imgsize=gray.shape, score=gray.mean(), conf=1 - gray)
