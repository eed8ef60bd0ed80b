"""Calls MaskCLIP for each picture of a folder: maskclip_folder.py PICTURES ANSWERS WEIGHTS DEVICE (maskclip.toml)."""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from model.MaskCLIP import MaskCLIP
from PIL import Image

SIDE = 512
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)  # CLIP's
DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)

pictures, answers, weights, device = sys.argv[1:]
with torch.serialization.safe_globals([argparse.Namespace]):  # the training's options lie beside the weights
    checkpoint = torch.load(weights, map_location="cpu", weights_only=True)
network = MaskCLIP("ViTL")
network.load_state_dict(checkpoint["model"])
network.to(device).eval()
# The network cannot be called without a truth to learn from; only the score hangs on it, by the label "generated".
plane = torch.zeros(1, 1, SIDE, SIDE)
truth = {"mask": plane, "edge_mask": plane, "label": torch.ones(1, dtype=torch.long)}
truth = {name: tensor.to(device) for name, tensor in truth.items()}
for path in sorted(Path(pictures).iterdir()):
    with Image.open(path) as file:
        picture = np.asarray(file.convert("RGB"))
    square = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    image = torch.from_numpy((square - MEAN) / DEVIATION).permute(2, 0, 1)[None]
    with torch.inference_mode():
        output = network(image=image.to(device), **truth)
    found = output["pred_mask"][0, 0].float().cpu().numpy()
    score = torch.exp(-output["visual_loss"]["loss_ce"]).item()  # cross-entropy of the label: the softmax of its logit
    height, width = picture.shape[:2]
    found = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1)
    np.savez(Path(answers) / f"{path.stem}.npz", map=found, score=score)
