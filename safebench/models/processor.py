"""What this machine's processor can do, as far as it decides how networks run on it."""

from __future__ import annotations

import os

import torch

_NO_AVX512 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2")
_NO_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")
_BF16 = ("avx512_bf16", "amx_bf16", "avx_ne_convert", "avx10_1", "bf16")  # the last is ARM's


def has_avx512() -> bool:
    """Whether torch's convolutions use AVX-512 here."""
    return torch.backends.cpu.get_cpu_capability().startswith(("AVX512", "AVX10")) and _most() not in _NO_AVX512


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 itself; another takes longer for it than for fp32, often ten times."""
    known = getattr(torch.cpu, "get_capabilities", None)
    # an older torch cannot say it: its rule passes those that take twice as long, but none that takes ten times
    has = any(known().get(name) for name in _BF16) if known else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return bool(has) and _most() not in _NO_BF16


def _most() -> str:
    """Up to what the user lets oneDNN go, which makes torch's convolutions on a CPU."""
    return (os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "").upper()
