"""How many threads the libraries beside torch use: no more than torch, whose number whoever runs the models decides."""

from __future__ import annotations


def limit_to_torchs() -> None:
    """Let BLAS, OpenMP and OpenCV use at most as many threads as torch, in the whole process and from now on.

    They would use all processors else, whatever share of them an actor, a job or OMP_NUM_THREADS gives to the model.
    It counts for the libraries that are loaded.
    """
    import cv2
    import torch
    from threadpoolctl import ThreadpoolController

    most = torch.get_num_threads()
    cv2.setNumThreads(min(most, cv2.getNumThreads()))
    pools = ThreadpoolController()
    # each by its file: a user may have given one of them fewer
    pools.limit(limits={pool["filepath"]: min(most, pool["num_threads"]) for pool in pools.info()})
