r"""Boards as LaTeX tables for a paper: booktabs, best bold, second underlined, the protocol in the caption.

The file is for ``\input``; it needs booktabs alone, and compiles with LuaLaTeX and pdfLaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from srbench.report.entries import DASH, Column, Entry
from srbench.report.views import Board, Group, Row

_HEAD = r"""% Tables by `srbench report --format latex`, for \input after \usepackage{booktabs}.
% A character that the font lacks is shown by its number.
\DeclareRobustCommand{\srbenchchar}[2]{%
  \ifdefined\Umathcode\iffontchar\font"#1 #2\else\texttt{U+#1}\fi\else\texttt{U+#1}\fi}
"""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # Two of them would be a dash; a bracket or a star after a row's end would be an argument.
    "-": "{-}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",  # noqa: RUF001 (the sign itself)
    "–": "{--}",  # noqa: RUF001
    "—": "{---}",
    "…": r"\ldots{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
_LATIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")
"""Letters that every engine and font has."""
_BREAKABLE = re.compile(r"(\\textbar\{\}|\\_|:|/)")
_LONG = 40
_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$"}
_MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}


def latex(boards: Iterable[Board]) -> str:
    """All boards: of each a table of its scores, and one for each group of costs."""
    return "\n".join((_HEAD, *(table for board in boards for table in _tables(board))))


def _tables(board: Board) -> Iterator[str]:
    groups, start = [], 0
    for group in board.groups:
        groups.append((group, list(range(start, start + group.columns))))
        start += group.columns
    scored = [found for found in groups if not found[0].cost]
    about = f": {escape(board.protocol_title)}" if board.protocol_title else ""
    signature = rf"Protocol: \texttt{{{broken(board.signature)}}}."
    yield _table(board, scored, f"{escape(board.name)}{about}. {signature}", _label(board.name))
    for number, (group, places) in enumerate((found for found in groups if found[0].cost), 1):
        setup = rf"Set-up: \texttt{{{broken(board.columns[places[0]].signature)}}}."
        caption = f"{escape(board.name)}, {escape(group.dataset)}. {setup}"
        yield _table(board, [(group, places)], caption, f"{_label(board.name)}-cost-{number}")


def _label(name: str) -> str:
    return "tab:" + "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def _table(board: Board, groups: Sequence[tuple[Group, list[int]]], caption: str, label: str) -> str:
    places = [place for _, found in groups for place in found]
    used = sorted({note for row in board.rows for place in places for note in row.entries[place].notes})
    notes = r" \quad ".join(rf"\textsuperscript{{{n}}}\,{escape(board.notes[n - 1])}" for n in used)
    return "\n".join(
        (
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{caption} Best bold, second underlined.}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'r' * len(places)}}}",
            r"\toprule",
            *_heads(board, groups, places),
            r"\midrule",
            *(_row(row, places) for row in board.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip{{\footnotesize {notes}\par}}"] if notes else []),
            r"\end{table*}",
            "",
        )
    )


def _heads(board: Board, groups: Sequence[tuple[Group, list[int]]], places: Sequence[int]) -> Iterator[str]:
    """Datasets over their metrics; a group of costs has its words in the caption."""
    if not groups[0][0].cost:
        names = [rf"\multicolumn{{{g.columns}}}{{c}}{{{_name(g.dataset)}}}" for g, _ in groups]
        yield " & ".join(["", *names]) + r" \\"
        column = 2
        for group, _ in groups:
            yield rf"\cmidrule(lr){{{column}-{column + group.columns - 1}}}"
            column += group.columns
    heads = [_head(board.columns[place]) for place in places]
    yield " & ".join(["Model", *heads]) + r" \\"


def _head(column: Column) -> str:
    return escape(column.title) + _ARROWS.get(column.direction, "")


def _row(row: Row, places: Sequence[int]) -> str:
    return " & ".join([_name(row.title), *(_cell(row.entries[place]) for place in places)]) + r" \\"


def _name(name: str) -> str:
    """A name; a long one is broken into lines, between its words or within one that is too long."""
    if len(name) <= _LONG:
        return escape(name)
    words = " ".join(_pieces(word) for word in name.split(" "))
    return rf"\parbox[t]{{5cm}}{{\raggedright {words}}}"


def _pieces(word: str) -> str:
    if len(word) <= _LONG // 2:
        return escape(word)
    return r"\allowbreak{}".join(escape(word[start : start + 8]) for start in range(0, len(word), 8))


def _cell(entry: Entry) -> str:
    number = {"inf": r"$\infty$", "-inf": r"$-\infty$", DASH: "---"}.get(entry.text, entry.text)
    number = f"$-${number[1:]}" if number[0] == "-" and number != "---" else number
    notes = "".join(rf"\textsuperscript{{{note}}}" for note in entry.notes)
    return _MARKS.get(entry.mark, "%s") % number + notes


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_printed(character) for character in text)


def _printed(character: str) -> str:
    known = _SPECIAL.get(character)
    if known is not None:
        return known
    if character.isascii() or character in _LATIN:
        return character
    return rf"\srbenchchar{{{ord(character):04X}}}{{{character}}}"


def broken(text: str) -> str:
    """Text, escaped, that may be broken at the marks between its parts."""
    return _BREAKABLE.sub(r"\1\\allowbreak{}", escape(text))
