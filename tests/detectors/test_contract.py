"""Every detector that needs no weights passes the contract suite."""

from safebench.testing import DetectorContract


class TestExemplar(DetectorContract):
    name = "exemplar"
