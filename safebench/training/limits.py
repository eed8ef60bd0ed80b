"""Types of a recipe's numbers, with what they have to be; `make_configs` refuses any other value by name."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

_MOST = 1e6
"""More than any weight or factor needs; so infinity is none."""
Channels = Annotated[int, Meta(ge=1)]
"""How wide a network is."""
LossWeight = Annotated[float, Meta(ge=0, le=_MOST)]
"""What a part of the loss is multiplied by; 0 leaves it out."""
Rate = Annotated[float, Meta(gt=0, le=1)]
"""An optimiser's learning rate."""
Share = Annotated[float, Meta(ge=0, le=1)]
"""From none to all."""
Decay = Annotated[float, Meta(ge=0, lt=1)]
"""Of a running average; 0 for none."""
Positive = Annotated[float, Meta(gt=0, le=_MOST)]
