"""Every detector that needs no weights passes the contract suite."""

from safebench.testing import DetectorContract


class TestDq(DetectorContract):
    name = "dq"


class TestExemplar(DetectorContract):
    name = "exemplar"


class TestLaplacian(DetectorContract):
    name = "laplacian"


class TestNaDq(DetectorContract):
    name = "na-dq"


class TestSplicebuster(DetectorContract):
    name = "splicebuster"


class TestZero(DetectorContract):
    name = "zero"
