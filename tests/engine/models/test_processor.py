"""What is found out of the processor, and what is made of it."""

from __future__ import annotations

import pytest
import torch

from safebench.models import processor
from safebench.models.devices import why_not_bf16


@pytest.mark.parametrize(
    ("most", "avx512", "bf16"),
    [
        ("", True, True),
        ("ALL", True, True),
        ("AVX512_CORE_AMX", True, True),
        ("AVX512_CORE", True, False),
        ("AVX2", False, False),
        ("avx2", False, False),
        ("AVX2_VNNI_2", False, True),
    ],
)
def test_what_onednn_may_not_use_is_not_there(monkeypatch, most, avx512, bf16):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", most)
    assert (processor.has_avx512(), processor.has_bf16()) == (avx512, bf16)


@pytest.mark.parametrize(
    ("flags", "bf16"),
    [({"avx512_bf16": True}, True), ({"avx512_f": True, "amx_bf16": False}, False), ({"bf16": True}, True)],
)
def test_bf16_is_there_where_the_processor_has_instructions_for_it(monkeypatch, flags, bf16):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert processor.has_bf16() is bf16


@pytest.mark.parametrize("capability", ["DEFAULT", "AVX2", "SVE256"])
def test_a_processor_without_avx512_is_seen(monkeypatch, capability):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert not processor.has_avx512()


def test_who_asks_for_bf16_is_told_where_it_is_slower(monkeypatch):
    monkeypatch.setattr("safebench.models.devices.has_bf16", lambda: False)
    assert "no instructions for it" in why_not_bf16("cpu")
    monkeypatch.setattr("safebench.models.devices.has_bf16", lambda: True)
    assert why_not_bf16("cpu") == ""
