"""The errors that a user can cause; the command line prints their sentence and no traceback."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    ERROR = 1
    """Nothing came of it, or not all: a file, a model or the machine was not as it had to be."""
    USAGE = 2
    """An option, a name or a suite file cannot be; nothing was begun."""
    FAILURES = 3
    """It went to its end, but some samples failed; the report lists them."""
    STOPPED = 130


class SafebenchError(Exception):
    """Something a user can put right; the message says what was wrong, where, and what to do next."""

    exit_code = ExitStatus.ERROR


class UnknownNameError(SafebenchError):
    """A model, data set or report of that name is not known."""

    exit_code = ExitStatus.USAGE


class CardError(SafebenchError):
    """A model's card.toml breaks the schema."""


class PluginError(SafebenchError):
    """A model was found, but its code could not be imported."""


class ImageError(SafebenchError):
    """A file could not be read as a photo or as a mask; the message names the file."""


class ConfigError(SafebenchError):
    """An option or a suite file holds a value that cannot be."""

    exit_code = ExitStatus.USAGE


class FileError(SafebenchError):
    """A file or folder cannot be written, or read; the message names it and the system's reason."""


class DataError(SafebenchError):
    """A data set or mask set is not laid out as its publisher lays it out."""


class WeightsError(SafebenchError):
    """A checkpoint is missing, damaged, of another model, or may not be fetched yet."""


class ModelError(SafebenchError):
    """A model broke its contract: a wrong shape, NaN, or values outside [0, 1]."""


class ExchangeError(ModelError):
    """What came back from a model elsewhere is missing, or is no answer to the picture that went out."""


class InputError(SafebenchError):
    """What a model was called with is no batch of images or masks as it takes them."""


class StoreError(SafebenchError):
    """A run's folder is in use, incomplete, or not a run's folder."""


class TrainingError(SafebenchError):
    """A training cannot go on: a loss is no longer a finite number."""


class StoppedError(SafebenchError):
    """A training was asked to stop (Ctrl-C, or a scheduler's TERM); the message says how to go on."""

    exit_code = ExitStatus.STOPPED


class SubmissionError(SafebenchError):
    """A run that was handed in is incomplete, or does not hold what it says."""


class PublishError(SafebenchError):
    """A site could not be published; the message names the place."""
