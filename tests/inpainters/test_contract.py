"""Every inpainter that needs no weights passes the contract suite."""

from safebench.testing import InpainterContract


class TestTelea(InpainterContract):
    name = "telea"


class TestNavierStokes(InpainterContract):
    name = "navier-stokes"


class TestBiharmonic(InpainterContract):
    name = "biharmonic"


class TestShiftmap(InpainterContract):
    name = "shiftmap"


class TestFsr(InpainterContract):
    name = "fsr"


class TestCriminisi(InpainterContract):
    name = "criminisi"


class TestCopy(InpainterContract):
    name = "copy"


class TestNoise(InpainterContract):
    name = "noise"
