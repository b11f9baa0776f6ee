"""Scripts that write no spaces between words."""

from __future__ import annotations

# First and last code point of their blocks.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # iteration mark, zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x20000, 0x3FFFF),
)


def is_of_unspaced_script(char: str) -> bool:
    """Whether a character belongs to a script written without spaces between words.

    Example:
        >>> [is_of_unspaced_script(char) for char in "京カa서"]
        [True, True, False, False]
    """
    point = ord(char)
    return any(low <= point <= high for low, high in _UNSPACED)
