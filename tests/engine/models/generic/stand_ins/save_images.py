"""Stands in for IMDL-BenCo's script that saves maps: its command line, its list, its folder; not its models."""

import argparse
import json
import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--if_padding", action="store_true")
parser.add_argument("--if_resizing", action="store_true")
parser.add_argument("--image_size", type=int, default=512)
parser.add_argument("--test_data_path", required=True)
parser.add_argument("--checkpoint_path", required=True)
parser.add_argument("--test_batch_size", type=int, default=2)
parser.add_argument("--output_dir", default="./save_img_dir")
parser.add_argument("--device", default="cuda")
args = parser.parse_args()
assert "LOCAL_RANK" in os.environ, "without torchrun its network has no wrapper, and it fails"
assert args.if_padding != args.if_resizing
assert Path(args.checkpoint_path).read_bytes() == b"weights"
pairs = json.loads(Path(args.test_data_path).read_text())
labels = {}
for picture, mask in pairs[: len(pairs) - len(pairs) % args.test_batch_size]:  # drop_last
    assert mask == "Negative"
    assert Path(picture).is_file()
    name = Path(picture).name
    gray = np.asarray(Image.open(picture).convert("L"))
    target = Path(args.output_dir, "pred")
    target.mkdir(parents=True, exist_ok=True)
    Image.fromarray(gray).save(target / re.sub(r"\.[^.]*$", ".png", name))
    labels[name] = float(gray.mean() / 255)
Path(args.output_dir, "pred_label_combined.json").write_text(json.dumps(labels))
