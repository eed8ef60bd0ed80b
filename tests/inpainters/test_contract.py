"""Every inpainter that needs no weights passes the contract suite."""

from safebench.testing import InpainterContract


class TestTelea(InpainterContract):
    name = "telea"
