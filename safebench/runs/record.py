"""run.json as typed data."""

from __future__ import annotations

import msgspec

from safebench.models.code import Code


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """By what a model's results were made: `settings` is all but the code; `code` is None where it is not on record."""

    identity: str
    settings: str
    code: Code | None = None


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What run.json says of a model that took part; what an older version did not write has a default.

    code: the model's code as it last took part; kept_from: the code that made the results shown, where those of other
    code are kept (`--keep-results`), the label of the code or "" where it is not on record.
    """

    identity: str
    settings: str = ""
    code: Code | None = None
    kept: bool = False
    kept_from: Code | None = None
    earlier: tuple[Made, ...] = ()

    @property
    def made(self) -> Made:
        """By what the results shown were made."""
        return Made(
            identity=self.identity,
            settings=self.settings or self.identity,  # before code was on record, the settings were all of an identity
            code=self.kept_from if self.kept else self.code,
        )
