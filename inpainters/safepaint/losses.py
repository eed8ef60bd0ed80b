"""The losses of equations 8 and 11 to 14 of the paper, and two of preset `safebench`; 9 and 10: `_features`.

Pictures are float32 B x 3 x H x W in [0, 1]; masks B x 1 x H x W, 1 = hole; each loss is a scalar.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .extractor import LENGTH
from .residuals import RESIDUAL_FLOOR, laplacian


def reconstruction(painted: Tensor, photos: Tensor, masks: Tensor | None = None) -> Tensor:
    """Mean absolute error (equation 8); divided by the mean of the masks where they are given, as the authors do."""
    error = F.l1_loss(painted, photos)
    return error if masks is None else error / masks.mean().clamp(min=1e-6)


def blurred(images: Tensor) -> Tensor:
    """Three means over 3 x 3: nearly a Gaussian blur of 1.4 pixels.

    What G1 paints is compared like this when it is trained alone: it has no noise to make grain of, and where grain is
    asked for it weaves a pattern of its decoder's period.
    """
    for _ in range(3):
        images = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    return images


def hinge_discriminator(real: Tensor, fake: Tensor, share: Tensor | None = None) -> Tensor:
    """Mean of relu(1 - D(real)) and of relu(1 + D(fake)), together (equation 12).

    `share`: of each patch of the fakes, 1 where it holds painted pixels and 0 where it is all photo and counts as real.
    """
    wrong = F.relu(1 + fake) if share is None else share * F.relu(1 + fake) + (1 - share) * F.relu(1 - fake)
    return F.relu(1 - real).mean() + wrong.mean()


def hinge_generator(fake: Tensor, share: Tensor | None = None) -> Tensor:
    """Mean of -D(fake) (equation 11), over the patches that hold painted pixels where `share` is given."""
    return -fake.mean() if share is None else -(fake * share).sum() / share.sum().clamp(min=1)


def nonsaturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Cross entropy of telling photos from paintings, of logits (Goodfellow et al. 2014); the authors' default."""
    return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2


def nonsaturating_generator(fake: Tensor) -> Tensor:
    """Cross entropy of paintings taken for photos, of logits."""
    return F.softplus(-fake).mean()


def domain_distance(painted: Tensor, background: Tensor, original: Tensor) -> Tensor:
    """d(Z_out, Z_b) + d(Z_out, Z_gt), Euclidean, means over the batch (equation 13); vectors B x 16."""
    return F.pairwise_distance(painted, background).mean() + F.pairwise_distance(painted, original).mean()


def domain_difference(painted: Tensor, background: Tensor, original: Tensor) -> Tensor:
    """As `domain_distance`, with the mean absolute difference for d: what the authors' code computes.

    Theirs is a triplet loss whose negative is the anchor, which leaves d plus the margin; and since it is given vectors
    of B x 16 x 1 x 1, whose last side is 1, it takes the distance of each of the 16 numbers by itself.  Without the
    margin, twice 0.1, which has no gradient.
    """
    return F.l1_loss(painted, background) + F.l1_loss(painted, original)


def spread(vectors: Tensor) -> Tensor:
    """How far domain vectors lie apart: the standard deviation over the batch, mean over the numbers; 0 = collapsed."""
    return vectors.float().var(0, correction=0).add(1e-8).sqrt().mean()


def collapse(vectors: Tensor) -> Tensor:
    """How far each number's standard deviation over the batch stays below 1, mean (VICReg, Bardes et al. 2022).

    The domain distance alone is least where all vectors are equal, and then says nothing; this forbids it.
    """
    deviation = vectors.float().var(0, correction=0).add(1e-4).sqrt()
    return F.relu(1 - deviation).sum() / LENGTH


def grain(painted: Tensor, photos: Tensor, masks: Tensor) -> Tensor:
    """Difference of the local energies of high-pass residuals inside the hole, in nepers; ours, not the paper's.

    Forensic detectors look at residuals, and a hole whose residuals are weaker than a photo's is found by that alone.
    Which residual a pixel has is not asked, only how strong they are around it: a mean error would ask for none.
    """
    difference = (_energies(painted) - _energies(photos)).abs().mean(1, keepdim=True)
    return (difference * masks).sum() / masks.sum().clamp(min=1)


def _energies(images: Tensor) -> Tensor:
    """Logarithms of the 7 x 7 means of squared residuals: the Laplacian of each channel, third differences of grey."""
    images = images.float()
    grey = (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    padded = F.pad(grey, (2, 2, 2, 2), mode="replicate")
    across, down = padded[..., 2:-2, :], padded[..., 2:-2]
    rows = across[..., 1:-3] - 3 * across[..., 2:-2] + 3 * across[..., 3:-1] - across[..., 4:]
    columns = down[..., 1:-3, :] - 3 * down[..., 2:-2, :] + 3 * down[..., 3:-1, :] - down[..., 4:, :]
    residuals = torch.cat([laplacian(images), rows, columns], dim=1)
    mean = F.avg_pool2d(residuals.square(), 7, stride=1, padding=3, count_include_pad=False)
    return torch.log(mean + RESIDUAL_FLOOR) / 2
