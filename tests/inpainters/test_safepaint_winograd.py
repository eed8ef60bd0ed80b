"""The fast convolutions of SafePaint's training against torch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safebench_inpainters._features import Vgg19
from safebench_inpainters._winograd import WIDE, Conv3x3, matrices
from safebench_inpainters.safepaint.layers import InstanceNorm
from torch import Tensor, nn


def pair(padding: int = 1, dilation: int = 1, outputs: int = WIDE) -> tuple[Conv3x3, nn.Conv2d]:
    torch.manual_seed(0)
    ours = Conv3x3(WIDE, outputs, padding=padding, dilation=dilation)
    theirs = nn.Conv2d(WIDE, outputs, 3, padding=padding, dilation=dilation)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def relative(found: Tensor, wanted: Tensor) -> float:
    """The largest difference in standard deviations of what is wanted."""
    return float((found.detach().double() - wanted.detach()).abs().max() / wanted.detach().std())


def with_gradients(layer: nn.Module, features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
    """What the layer gives, and the gradients of its input, weight and bias for the same weighing of its outputs."""
    features = features.clone().requires_grad_()
    found = layer(features)
    torch.manual_seed(1)
    weighed = (found * torch.randn(found.shape, dtype=torch.float64).to(found.dtype)).sum()
    return found, list(torch.autograd.grad(weighed, [features, *layer.parameters()]))


def test_the_matrices_give_the_correlation():
    torch.manual_seed(0)
    a, g, b = matrices()
    taps, inputs = torch.randn(3, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    wanted = torch.stack([(inputs[k : k + 3] * taps).sum() for k in range(4)])
    torch.testing.assert_close(a.T @ ((g @ taps) * (b @ inputs)), wanted, atol=1e-12, rtol=0)


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(5, 21), st.integers(5, 40), st.integers(0, 2), st.integers(1, 2))
def test_computes_what_torch_computes_with_all_gradients(count, height, width, padding, dilation):
    ours, theirs = pair(padding, dilation, outputs=WIDE + 8)
    features = torch.randn(count, WIDE, height, width, generator=torch.Generator().manual_seed(2))
    found, gradients = with_gradients(ours, features)
    wanted, exact = with_gradients(theirs.double(), features.double())
    assert found.shape == wanted.shape
    assert relative(found, wanted) < 1e-4
    assert max(relative(a, b) for a, b in zip(gradients, exact, strict=True)) < 1e-4


def test_many_blocks_are_as_one():
    ours, theirs = pair()
    features = torch.randn(1, WIDE, 160, 132)  # more tiles than a block holds, in rows of which some are cut
    found, gradients = with_gradients(ours, features)
    wanted, exact = with_gradients(theirs.double(), features.double())
    assert relative(found, wanted) < 1e-4
    assert max(relative(a, b) for a, b in zip(gradients, exact, strict=True)) < 1e-4


def test_bfloat16_gives_torchs_result_and_gradients_with_little_noise():
    ours, theirs = pair()
    features = torch.randn(2, WIDE, 24, 24)
    with torch.autocast("cpu", torch.bfloat16):
        found, gradients = with_gradients(ours, features)
        wanted, _ = with_gradients(theirs, features)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0.02)
    _, exact = with_gradients(theirs, features)
    for gradient, other in zip(gradients, exact, strict=True):
        assert F.cosine_similarity(gradient.flatten(), other.flatten(), dim=0) > 0.9995


@pytest.mark.parametrize("channels", [WIDE, 32])
def test_without_gradients_it_is_torchs_own_to_the_last_bit(channels):
    layer = Conv3x3(channels, channels, padding=1)
    features = torch.randn(1, channels, 16, 16)
    with torch.no_grad():
        assert torch.equal(layer(features), F.conv2d(features, layer.weight, layer.bias, padding=1))


def test_frozen_filters_follow_what_is_loaded():
    ours, theirs = pair()
    ours.requires_grad_(False)
    features = torch.randn(1, WIDE, 12, 12)
    before = ours(features)
    theirs.weight.data *= 2
    ours.load_state_dict(theirs.state_dict())
    assert relative(ours(features), theirs(features).double()) < 1e-4
    assert relative(before, theirs(features).double()) > 0.1


def test_vgg_keeps_its_weights():
    torch.manual_seed(0)
    network = Vgg19()
    photos = torch.rand(1, 3, 48, 48)
    found = network(photos, [1, 29])
    with torch.no_grad():  # torch's own convolutions
        wanted = network(photos, [1, 29])
    assert not found[1].requires_grad
    assert max(relative(a, b.double()) for a, b in zip(found, wanted, strict=True)) < 1e-3


def test_instance_norm_is_the_same_with_the_channels_last():
    features = torch.randn(3, 8, 6, 5, requires_grad=True)
    wanted = InstanceNorm()(features)
    found = InstanceNorm()(features.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, wanted)
    (gradient,) = torch.autograd.grad((found**3).sum(), features)
    (other,) = torch.autograd.grad((wanted**3).sum(), features)
    torch.testing.assert_close(gradient, other, atol=1e-4, rtol=1e-4)
