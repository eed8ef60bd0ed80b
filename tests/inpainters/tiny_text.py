"""What tiny pipelines of diffusers read a prompt with: four words, eight numbers each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def clip_tokenizer(folder: Path) -> Any:
    """Knows the word `!`; its two files are written to `folder`."""
    import transformers

    words = {"<|startoftext|>": 0, "!</w>": 1, "<|endoftext|>": 2, "!": 3}
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def clip_text(**more: Any) -> Any:
    """The configuration of a text encoder for them."""
    import transformers

    return transformers.CLIPTextConfig(
        hidden_size=8,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
        vocab_size=4,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        **more,
    )
