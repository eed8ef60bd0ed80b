"""Stands in for IOPaint's batch command: its command line and its pairing by name; not its models."""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
command = parser.add_subparsers(required=True).add_parser("run")
command.add_argument("--model", default="lama")
command.add_argument("--device", choices=["cpu", "cuda", "mps"], default="cpu")
command.add_argument("--image", type=Path, required=True)
command.add_argument("--mask", type=Path, required=True)
command.add_argument("--output", type=Path, required=True)
command.add_argument("--config", type=Path)
args = parser.parse_args()
if args.config:
    config = json.loads(args.config.read_text())
    unknown = set(config) - {"prompt", "sd_steps", "sd_guidance_scale", "sd_seed", "powerpaint_task"}
    unknown -= {"enable_brushnet", "brushnet_method", "brushnet_conditioning_scale"}
    if unknown:
        parser.error(f"unknown settings: {unknown}")
masks = {path.stem: path for path in args.mask.iterdir()}
for path in args.image.iterdir():
    if path.stem not in masks:
        continue
    image = np.asarray(Image.open(path).convert("RGB")).copy()
    hole = np.asarray(Image.open(masks[path.stem]).convert("L")) >= 127
    image[hole] = image[~hole].mean(0)
    Image.fromarray(image).save(args.output / f"{path.stem}.png")
