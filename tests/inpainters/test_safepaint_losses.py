"""SafePaint's losses against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safebench_inpainters import _features as features
from safebench_inpainters.safepaint import losses


def test_losses_follow_their_formulas():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 3, 8, 8, generator=rng), torch.rand(2, 3, 8, 8, generator=rng)
    masks = (torch.rand(2, 1, 8, 8, generator=rng) > 0.5).float()
    torch.testing.assert_close(losses.reconstruction(a, b), (a - b).abs().sum() / a.numel())
    torch.testing.assert_close(losses.reconstruction(a, b, masks), (a - b).abs().mean() / masks.mean())
    flat = a.flatten(2)
    torch.testing.assert_close(features.gram(a), torch.einsum("bin,bjn->bij", flat, flat) / a[0].numel())

    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])
    assert losses.hinge_discriminator(real, fake).item() == pytest.approx((0 + 0.5) / 2 + (0 + 1.5) / 2)
    assert losses.hinge_generator(fake).item() == pytest.approx(0.75)
    share = torch.tensor([1.0, 0.0])  # the second patch is all photo
    assert losses.hinge_discriminator(real, fake, share).item() == pytest.approx((0 + 0.5) / 2 + (0 + 0.5) / 2)
    assert losses.hinge_generator(fake, share).item() == pytest.approx(2)
    bce = torch.nn.functional.binary_cross_entropy
    expected = (bce(real.sigmoid(), torch.ones(2)) + bce(fake.sigmoid(), torch.zeros(2))) / 2
    torch.testing.assert_close(losses.nonsaturating_discriminator(real, fake), expected)
    torch.testing.assert_close(losses.nonsaturating_generator(fake), bce(fake.sigmoid(), torch.ones(2)))


def test_domain_distance_is_euclidean_and_the_authors_is_their_triplet_form():
    vectors = torch.randn(3, 4, 16, generator=torch.Generator().manual_seed(0))
    for distance, (painted, background, original) in (
        (losses.domain_distance, vectors),
        (losses.domain_difference, vectors[..., None, None]),
    ):
        triplet = torch.nn.TripletMarginLoss(margin=0.1)
        theirs = triplet(original, painted, original) + triplet(painted, background, painted)
        torch.testing.assert_close(distance(*vectors), theirs - 0.2, atol=1e-4, rtol=0)


def test_a_collapse_is_seen_and_costs():
    equal = torch.ones(8, 16)
    apart = 3 * torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    assert losses.spread(equal) < 1e-3
    assert losses.spread(apart) > 2
    assert losses.collapse(equal).item() == pytest.approx(0.99, abs=0.01)
    assert losses.collapse(apart) == 0


def test_grain_asks_for_strength_and_not_for_the_same_pixels():
    rng = torch.Generator().manual_seed(0)
    smooth = torch.full((1, 3, 64, 64), 0.5)
    one, two, weak = (smooth + s * torch.randn(1, 3, 64, 64, generator=rng) for s in (0.05, 0.05, 0.025))
    masks = torch.zeros(1, 1, 64, 64)
    masks[..., 16:48, 16:48] = 1
    assert losses.grain(one, one, masks) == 0
    assert losses.grain(two, one, masks) < 0.2
    assert losses.grain(weak, one, masks).item() == pytest.approx(np.log(2), abs=0.05)
    assert losses.grain(smooth, one, masks) > 2
    outside = one * masks + smooth * (1 - masks)
    torch.testing.assert_close(losses.grain(outside, one, masks)[None] < 0.2, torch.tensor([True]))


def test_the_coarse_picture_is_compared_without_its_grain():
    grain = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    assert losses.blurred(grain).std() < 0.25 * grain.std()
    torch.testing.assert_close(losses.blurred(ramp)[..., 3:-3], ramp[..., 3:-3])
    assert losses.blurred(ramp).shape == ramp.shape
