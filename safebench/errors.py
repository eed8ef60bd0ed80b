"""The errors that a user can cause; the command line prints their sentence and no traceback."""


class SafebenchError(Exception):
    """Something a user can put right; the message says what was wrong, where, and what to do next."""

    exit_code = 1


class UnknownNameError(SafebenchError):
    """A model, data set or report of that name is not known."""


class CardError(SafebenchError):
    """A model's card.toml breaks the schema."""


class PluginError(SafebenchError):
    """A model was found, but its code could not be imported."""


class ImageError(SafebenchError):
    """A file could not be read as a photo or as a mask; the message names the file."""


class ConfigError(SafebenchError):
    """An option or a suite file holds a value that cannot be."""


class DataError(SafebenchError):
    """A data set or mask set is not laid out as its publisher lays it out."""


class WeightsError(SafebenchError):
    """A checkpoint is missing, damaged, of another model, or may not be fetched yet."""


class ModelError(SafebenchError):
    """A model broke its contract: a wrong shape, NaN, or values outside [0, 1]."""


class StoreError(SafebenchError):
    """A run's folder is in use, incomplete, or not a run's folder."""


class TrainingError(SafebenchError):
    """A training cannot go on: a loss is no longer a finite number."""


class StoppedError(SafebenchError):
    """A training was asked to stop (Ctrl-C, or a scheduler's TERM); the message says how to go on."""

    exit_code = 130


class SubmissionError(SafebenchError):
    """A run that was handed in is incomplete, or does not hold what it says."""


class PublishError(SafebenchError):
    """A site could not be published; the message names the place."""
