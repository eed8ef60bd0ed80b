"""Channels-last where torch bears it: elsewhere its convolutions write past their memory and end the process."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from safebench.models.toolbox import layout
from tests.forking import run_forked

NARROW = nn.Sequential(nn.Conv2d(8, 4, 3), nn.Conv2d(4, 8, 1, stride=2, bias=False))
WIDE = nn.Sequential(nn.Conv2d(8, 16, 3), nn.ConvTranspose2d(16, 3, 2), nn.Linear(3, 3))


class Raw(nn.Module):
    """Filters of its own, as a modulated convolution has them."""

    def __init__(self, channels):
        super().__init__()
        self.filters = nn.Parameter(torch.zeros(8, channels, 3, 3))


@pytest.mark.parametrize(
    ("network", "bears"),
    [(NARROW, False), (WIDE, True), (nn.ConvTranspose2d(4, 8, 2), False), (Raw(12), False), (Raw(16), True)],
)
def test_without_avx512_a_narrow_layer_keeps_a_network_from_channels_last(monkeypatch, network, bears):
    monkeypatch.setattr(layout, "has_avx512", lambda: False)
    assert layout.fastest_layout(network) == (torch.channels_last if bears else torch.contiguous_format)
    assert layout.fastest_layout(network, NARROW) == torch.contiguous_format
    monkeypatch.setattr(layout, "has_avx512", lambda: True)
    assert layout.fastest_layout(network) == torch.channels_last


def test_the_weights_lie_as_the_layout_says(monkeypatch):
    for avx512, expected in ((True, torch.channels_last), (False, torch.contiguous_format)):
        monkeypatch.setattr(layout, "has_avx512", lambda avx512=avx512: avx512)
        network = nn.Conv2d(4, 8, 3)
        assert layout.in_fastest_layout(network) is network
        assert network.weight.is_contiguous(memory_format=expected)


STEPS = """
import numpy as np, torch
from safebench.models import registry
from safebench.training.config import make_configs
torch.set_num_threads(1)
for name, options in (("iid-net", {"width": 16, "inpainters": ["noise"]}), ("safepaint", {"size_preset": "small"})):
    entry, _ = registry.find("recipes", name)
    made = entry.load_class()
    _, own = make_configs(made, name, "", None, {"images": ["nowhere"], **options})
    recipe = made(entry.card, own)
    for network in recipe.build().values():
        lies = {p.is_contiguous() for p in network.parameters() if p.dim() == 4 and min(p.shape[1:]) > 1}
        assert lies == {True}, name
    if name == "iid-net":
        networks, batch = recipe.build(), {"image": torch.rand(2, 3, 64, 64), "mask": torch.ones(2, 1, 64, 64)}
        for _ in range(4):
            recipe.step(networks, batch, lambda name, loss: loss.backward())
print("done")
"""


def test_steps_of_narrow_networks_end_on_a_processor_without_avx512(tmp_path):
    ended = run_forked(STEPS, tmp_path, {"ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
