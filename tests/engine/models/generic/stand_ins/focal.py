"""Stands in for FOCAL's main.py: its command line, what it reads and what it leaves; not its networks."""

import argparse
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("--type", default="train")
parser.add_argument("--test_bs", type=int, default=8)
parser.add_argument("--gpu", default="0,1,2,3")
parser.add_argument("--path_input", default="demo/input/")
args = parser.parse_args()
assert args.type == "test_single"
for name in ("ViT", "HRNet"):
    assert Path(f"weights/FOCAL_{name}_weights.pth").read_bytes() == b"weights"
files = sorted(Path(args.path_input).iterdir())
np.save(f"flist/demo_{len(files)}.npy", [(args.path_input + file.name, "") for file in files])
shutil.rmtree("demo/output", ignore_errors=True)
Path("demo/output").mkdir(parents=True)
for file in files:
    gray = np.asarray(Image.open(file).convert("L"))
    Image.fromarray(np.where(gray > 127, 255, 0).astype(np.uint8)).save(f"demo/output/{file.name[:-4]}.png")
