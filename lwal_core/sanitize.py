"""Sanitise untrusted text: strip control characters and lone surrogates, limit length."""

from __future__ import annotations

JOINERS = "\u200c\u200d"
"""What joins or parts letters in Persian, in Indian scripts and in emoji: not printable, and part of a name."""


def printable(text: str, keep: str = "") -> str:
    """Text with a blank for each character that cannot be seen: control characters, changes of the direction of
    writing, half of a surrogate pair. Joiners of letters stay.

    Args:
        text: Anything.
        keep: Characters that stay all the same, such as line breaks.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in JOINERS or c in keep else " " for c in text)


def seen(text: str) -> str:
    """A name as a reader sees it: nothing that cannot be seen, single blanks, none at its ends. Two names that are equal
    so cannot be told apart."""
    return " ".join(printable(text).split()).strip(JOINERS + " ")


def encodable(text: str) -> str:
    """Text with a question mark for each half of a surrogate pair, which no file in UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()


def without_middle(text: str, most: int) -> str:
    """Text of at most `most` characters: what is longer keeps its beginning and its end, where a sentence has what it
    is about and what is wrong with it."""
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - 3]} … {text[-end:]}"


def quoted(value: object, most: int = 200) -> str:
    """A value from elsewhere as Python writes it, of at most `most` characters; its type alone where it cannot be written."""
    try:
        return without_middle(repr(value), most)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists without end
        return f"a {type(value).__name__} that is too large to be shown"
