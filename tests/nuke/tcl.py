"""Tcl as far as Nuke's scripts go: commands with substitution, lists without, after Tcl(n)'s twelve rules."""

from __future__ import annotations

from collections.abc import Callable

_ESCAPES = {"n": "\n", "t": "\t"}


def commands(text: str, variable: Callable[[str], str], command: Callable[[str], str]) -> list[list[str]]:
    """The script's commands as words, substituted as Tcl does, one command after another."""
    found: list[list[str]] = []
    words: list[str] = []
    at = 0

    def close() -> None:
        if words:
            found.append(words.copy())
            words.clear()

    while at < len(text):
        char = text[at]
        if char in "\n;":
            close()
            at += 1
        elif char in " \t":
            at += 1
        elif char == "#" and not words:
            at = text.find("\n", at) % (len(text) + 1)
        else:
            word, at = _word(text, at, "\n;", variable, command)
            words.append(word)
    close()
    return found


def elements(text: str) -> list[str]:
    """The elements of a list: braces as they are, backslashes resolved elsewhere, nothing substituted."""
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _word(text, at, "\n", None, None)
        found.append(word)
    return found


def substituted(text: str) -> str:
    """A knob's text as Nuke evaluates it; a variable or a command in it would be run, and is an error here."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in "$[":
            raise ValueError(f"{text!r} would run something")
        if text[at] == "\\":
            at += 1
            out.append(_ESCAPES.get(text[at], text[at]))
        else:
            out.append(text[at])
        at += 1
    return "".join(out)


def _word(
    text: str, at: int, ends: str, variable: Callable[[str], str] | None, command: Callable[[str], str] | None
) -> tuple[str, int]:
    if text[at] == "{":
        end = _closing(text, at)
        _check_end(text, end)
        return text[at + 1 : end - 1], end
    quoted = text[at] == '"'
    at += quoted
    out: list[str] = []
    while at < len(text):
        char = text[at]
        if quoted and char == '"':
            _check_end(text, at + 1)
            return "".join(out), at + 1
        if not quoted and (char in ends or char.isspace()):
            break
        if char == "\\":
            out.append(_ESCAPES.get(text[at + 1], text[at + 1]))
            at += 2
        elif char == "$" and variable is not None:
            end = at + 1
            while end < len(text) and (text[end].isalnum() or text[end] == "_"):
                end += 1
            out.append(variable(text[at + 1 : end]))
            at = end
        elif char == "[" and command is not None:
            end = text.index("]", at)
            out.append(command(text[at + 1 : end]))
            at = end + 1
        else:
            out.append(char)
            at += 1
    if quoted:
        raise ValueError("missing quote")
    return "".join(out), at


def _closing(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    raise ValueError("missing close-brace")


def _check_end(text: str, at: int) -> None:
    if at < len(text) and not (text[at].isspace() or text[at] == ";"):
        raise ValueError(f"extra characters after a word: {text[at : at + 20]!r}")
