"""Contract suites: every model of SafeBench passes them by one line, and a third party's can.

In a test module:

    from safebench.testing import InpainterContract

    class TestMine(InpainterContract):
        name = "mine"
"""

from safebench.testing.detectors import DetectorContract
from safebench.testing.inpainters import InpainterContract
from safebench.testing.postprocessing import PostProcessingContract

__all__ = ["DetectorContract", "InpainterContract", "PostProcessingContract"]
