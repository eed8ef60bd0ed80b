"""The names of classes and functions that a checkpoint may hold; none of them is ever imported."""

from __future__ import annotations

import torch

DTYPES = {f"torch.{name}": value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
STORAGES = {
    f"torch.{name}Storage": dtype
    for name, dtype in {
        "Float": torch.float32,
        "Double": torch.float64,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
        "ComplexFloat": torch.complex64,
        "ComplexDouble": torch.complex128,
    }.items()
} | {"torch.storage.UntypedStorage": torch.uint8}

INERT = (
    # what torch, Lightning and OmegaConf leave in a checkpoint of training
    *("torch.nn.", "torch.optim.", "torch.device", "torch.Size", "torch.Tensor", "torch._utils.", "torch._tensor."),
    *("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "yacs.config.", "easydict.EasyDict"),
    # StyleGAN's networks, and FcF's Fourier blocks inside them
    *(
        "training.ffc.",
        "torch_utils.persistence._reconstruct_persistent_obj",
        "dnnlib.util.EasyDict",
        "dnnlib.EasyDict",
    ),
    *("numpy.core.multiarray.", "numpy._core.multiarray.", "numpy._core.numeric._frombuffer", "numpy.dtype"),
    *("numpy.ndarray", "collections.defaultdict", "collections.Counter", "collections.deque", "typing."),
    *("argparse.Namespace", "functools.partial", "pathlib.", "datetime.", "copyreg._reconstructor", "_codecs.encode"),
    *(f"builtins.{name}" for name in ("dict", "list", "tuple", "int", "float", "str", "bool", "bytes", "object")),
)
"""Names, or beginnings of names, that may become stand-ins."""
