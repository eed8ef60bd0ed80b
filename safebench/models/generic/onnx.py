"""Networks saved as ONNX graphs, run by ONNX Runtime (the optional extra `onnx`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.generic.models import Network, Outputs
from safebench.weights.read.mistaken import check_holds_numbers, check_stands_for_itself
from safebench.weights.read.onnx_graph import external_files

_TYPES = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
    "tensor(int8)": torch.int8,
    "tensor(int32)": torch.int32,
    "tensor(int64)": torch.int64,
    "tensor(bool)": torch.bool,
}
"""Of its inputs, those that tensors of torch's and arrays of numpy's both have."""


def open_onnx(path: Path, device: torch.device) -> Network:
    """The graph in a file; on the GPU where `device` is one and ONNX Runtime was installed with support for it.

    Raises WeightsError where the file holds no graph, or one with inputs that are no tensors, or of rarer types.
    """
    check_holds_numbers(path)
    for beside in external_files(path).values():
        check_stands_for_itself(beside)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    providers = [name for name in (*wanted, "CPUExecutionProvider") if name in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's own classes have no common base
        raise WeightsError(f"{path}: is no ONNX graph that can run here ({str(error).splitlines()[0]})") from None
    names = [value.name for value in session.get_inputs()]
    types = [value.type for value in session.get_inputs()]
    if not set(types) <= set(_TYPES):
        raise WeightsError(f"{path}: takes {', '.join(types)}; of these only {', '.join(_TYPES)} are supported")
    outputs = [value.name for value in session.get_outputs()]

    def call(inputs: list[Tensor]) -> Outputs:
        if len(inputs) != len(names):
            raise RuntimeError(f"it takes {len(names)} inputs ({', '.join(names)}), not {len(inputs)}")
        fed = {name: tensor.cpu().numpy() for name, tensor in zip(names, inputs, strict=True)}
        try:
            results = session.run(outputs, fed)
        except Exception as error:  # as above
            raise RuntimeError(str(error)) from None
        return {name: _tensor(result).to(device) for name, result in zip(outputs, results, strict=True)}

    return Network(call, tuple(_TYPES[kind] for kind in types))


def _tensor(result: object) -> Tensor:
    """An output as a tensor; a list or a table, which some graphs also give, counts as an empty one."""
    return torch.from_numpy(result) if isinstance(result, np.ndarray) else torch.empty(0)
