"""Stands in for SAFIRE's infer_binary.py: its command line, what it reads and what it leaves; not its network."""

import argparse
from pathlib import Path

from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("--sam_checkpoint", default="sam_vit_b_01ec64.pth")
parser.add_argument("--resume", default="safire.pth")
args = parser.parse_args()
for file in (args.sam_checkpoint, args.resume):
    assert Path(file).read_bytes() == b"weights"
for file in Path("ForensicsEval/inputs").iterdir():
    Image.open(file).convert("L").save(f"ForensicsEval/outputs_binary/{file.name}.png")
