"""Text from outside made harmless to look at; each output still escapes for its own syntax."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_DIRECTION_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


@lru_cache(maxsize=65_536)  # a report meets the same few names a hundred thousand times
def plain(text: str) -> str:
    r"""One line whose characters are all visible: controls and direction marks become ``\uXXXX``.

    A terminal's escape sequences, a lone surrogate of an undecodable file name, or a right-to-left
    override could otherwise act on whatever stands around the text.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in _DIRECTION_CONTROLS or unicodedata.category(character) in _HIDDEN:
        code = ord(character)
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character
