"""Every post-processing that needs no weights passes the contract suite."""

from safebench.testing import PostProcessingContract


class TestJpeg(PostProcessingContract):
    name = "jpeg"
    arguments = ("100", "75", "1")
    refused = ("", "0", "101", "75.5", "best", "75+back", "nan")


class TestWebp(PostProcessingContract):
    name = "webp"
    arguments = ("80", "0")
    refused = ("", "-1", "101", "lossless")


class TestResize(PostProcessingContract):
    name = "resize"
    arguments = ("0.5", "0.78", "0.78+back", "1.5")
    refused = ("", "0", "5", "0.5+forth", "half", "inf")


class TestBlur(PostProcessingContract):
    name = "blur"
    arguments = ("3", "23")
    refused = ("", "4", "1", "3.5")


class TestNoise(PostProcessingContract):
    name = "noise"
    arguments = ("3", "23")
    refused = ("", "0", "-3", "white")


class TestMedian(PostProcessingContract):
    name = "median"
    arguments = ("3", "7")
    refused = ("", "6", "1")
