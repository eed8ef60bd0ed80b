"""Every detector that needs no weights passes the contract suite."""

from safebench.testing import DetectorContract


class TestExemplar(DetectorContract):
    name = "exemplar"


class TestLaplacian(DetectorContract):
    name = "laplacian"


class TestSplicebuster(DetectorContract):
    name = "splicebuster"
