"""What each stage of SafePaint adds: PSNR and LPIPS of the smooth start, the coarse picture, the same with half of the
detail that is carried into the hole, and the refined one.

    python benchmarks/safepaint_stages.py RUN [--bin 30-40] [--weights FILE] [--lpips-net alex]

RUN is a finished run's folder: its photos and holes are used, all or those of one bin.  The refined picture is made
without noise and with it, as the adapter draws it; all are spliced into the photo and rounded to 8 bits.  Means over
the samples.  The weights are those that ship, or a product of `safebench train safepaint`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safebench_inpainters.safepaint.adapter import Adapter
from safebench_inpainters.safepaint.filling import fill_smoothly
from safebench_inpainters.safepaint.layers import NOISE_CHANNELS, draw_noise
from safebench_inpainters.safepaint.texture import carry_texture
from torch import Tensor

import safebench
from safebench.inputs.images import read_mask, read_photo
from safebench.metrics.perceptual import Perceptual, load_perceptual
from safebench.metrics.psnr import psnr
from safebench.models import calling

STAGES = ("smooth start", "coarse", "coarse, half the detail", "refined, no noise", "refined")


@torch.inference_mode()
def stages(network: torch.nn.Module, photo: Tensor, hole: Tensor) -> list[Tensor]:
    """photo: 1 x 3 x H x W in [0, 1], sides multiples of 4; hole: 1 x 1 x H x W.  Returns a picture for each stage."""
    blanked = photo * (1 - hole)
    without = network(blanked, hole, torch.zeros(1, NOISE_CHANNELS, *photo.shape[-2:]))
    refined = network(blanked, hole, draw_noise(blanked, 0)).refined
    first = blanked + without.coarse * hole
    detailed = (first + carry_texture(blanked, hole, first) / 2).clamp(0, 1)
    return [fill_smoothly(blanked, hole), without.coarse, detailed, without.refined, refined]


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--bin", default="")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--lpips-net", default="alex")
    given = parser.parse_args()
    results = safebench.open_run(given.run)
    model = safebench.load_inpainter("safepaint", weights=given.weights, device="cpu")
    assert isinstance(model, Adapter)
    network = model.network
    lpips = load_perceptual(given.lpips_net, torch.device("cpu"))
    figures: list[list[tuple[float, float]]] = []
    for sample in results.samples.to_dict("records"):
        if given.bin and sample["bin"] != given.bin:
            continue
        pixels = read_photo(results.folder / sample["original"])
        hole = read_mask(results.folder / sample["mask"])
        photo = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        pictures = stages(network, photo, torch.from_numpy(hole)[None, None].float())
        figures.append([measured(picture, pixels, hole, lpips) for picture in pictures])
    means = np.mean(figures, axis=0)
    print(f"| stage | PSNR, dB | LPIPS ({given.lpips_net}) |\n| --- | ---: | ---: |")
    for stage, (decibels, distance) in zip(STAGES, means, strict=True):
        print(f"| {stage} | {decibels:.2f} | {distance:.4f} |")
    print(f"\n{len(figures)} samples of {results.samples['photo'].nunique()} photos.")


def measured(
    picture: Tensor, pixels: NDArray[np.uint8], hole: NDArray[np.bool_], lpips: Perceptual
) -> tuple[float, float]:
    """PSNR in dB and LPIPS of a stage's picture, spliced into the photo."""
    painted = picture[0].permute(1, 2, 0).numpy()[None]
    composite = calling.composite(pixels[None], hole[None], painted)[0]
    return psnr(composite.astype(np.int64) - pixels), float(lpips(composite[None], pixels[None])[0])


if __name__ == "__main__":
    main()
