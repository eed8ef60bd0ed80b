from __future__ import annotations

from safebench.runs.failures import in_words, most_frequent


def test_errors_that_differ_in_the_file_alone_are_one_cause():
    told = ["x: too large", "a.jpg: it ends early", "b.jpg: it ends early"]
    assert most_frequent(told) == ("a.jpg: it ends early", 2)
    assert in_words(told) == "most often (2 times): a.jpg: it ends early"
    assert in_words(told[1:]) == "a.jpg: it ends early"
    assert most_frequent([]) == ("", 0)
