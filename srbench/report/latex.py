r"""Boards as LaTeX tables for a paper: booktabs, best bold, second underlined, the protocol in the caption.

The file is for ``\input``; it needs booktabs alone, and compiles with LuaLaTeX and pdfLaTeX. What is too wide
for the text of a plain article becomes several tables; widths are estimates of Computer Modern's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from srbench.report.entries import DASH, Column, Entry
from srbench.report.ranks import UNSURE
from srbench.report.views import Board, Group

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
_LONG_WORD = 12
_GAP = 5.0
_MODEL = 84.0
_ROOM = 345.0 - _MODEL - _GAP
"""In points: between columns, of models' names, and what is left for columns in an article's 345."""
_UNSURE = r"\textsuperscript{$\approx$}"
_Columns = tuple[Group, list[int]]
"""A group, and the places of its columns, or of some."""
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
    about = f": {escape(board.protocol_title)}" if board.protocol_title else ""
    signature = rf"Protocol: \texttt{{{broken(board.signature)}}}."
    caption = f"{escape(board.name)}{about}. {signature}"
    yield from _fitted(board, [one for one in groups if not one[0].cost], caption, _label(board.name))
    for number, (group, places) in enumerate((found for found in groups if found[0].cost), 1):
        setup = rf"Set-up: \texttt{{{broken(board.columns[places[0]].signature)}}}."
        caption = f"{escape(board.name)}, {escape(group.dataset)}. {setup}"
        yield from _fitted(board, [(group, places)], caption, f"{_label(board.name)}-cost-{number}")


def _label(name: str) -> str:
    return "tab:" + "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def _fitted(board: Board, groups: Sequence[_Columns], caption: str, label: str) -> Iterator[str]:
    """Tables of as many groups as fit beside each other."""
    for number, shown in enumerate(_parted(board, groups), 1):
        yield _table(board, shown, caption, label if number == 1 else f"{label}-{number}")


def _parted(board: Board, groups: Sequence[_Columns]) -> list[list[_Columns]]:
    parts: list[list[_Columns]] = []
    room = 0.0
    for group, places in groups:
        for some in _within(board, places):
            needed = sum(_width(board, place) + _GAP for place in some)
            if not parts or needed > room:
                parts.append([])
                room = _ROOM
            parts[-1].append((group, some))
            room -= needed
    return parts


def _within(board: Board, places: Sequence[int]) -> Iterator[list[int]]:
    """The columns of a group, cut where a table would become too wide."""
    some: list[int] = []
    for place in places:
        if some and sum(_width(board, one) + _GAP for one in (*some, place)) > _ROOM:
            yield some
            some = []
        some.append(place)
    yield from [some] if some else []


def _width(board: Board, place: int) -> float:
    """What a column needs, in points: its longest number with its notes, or the longest word of its head."""
    words = [len(word) for word in board.columns[place].title.split()]
    head = words[0] + 2.3 if len(words) == 1 else max(words, default=0)  # one word has its arrow beside it
    cells = (_wide(row.entries[place], board.unsure(line, place)) for line, row in enumerate(board.rows))
    return max(30.0, 4.4 * min(head, _LONG_WORD), *cells)


def _wide(entry: Entry, unsure: bool) -> float:
    return 5.0 * len(entry.text) + 6.0 * unsure + sum(5.0 * len(str(note)) for note in entry.notes)


def _table(board: Board, groups: Sequence[_Columns], caption: str, label: str) -> str:
    places = [place for _, found in groups for place in found]
    used = sorted({note for row in board.rows for place in places for note in row.entries[place].notes})
    notes = [rf"\textsuperscript{{{n}}}\,{escape(board.notes[n - 1])}" for n in used]
    if any(board.unsure(line, place) for line in range(len(board.rows)) for place in places):
        notes.insert(0, rf"{_UNSURE}\,{escape(UNSURE)}")
    under = r" \quad ".join(notes)
    return "\n".join(
        (
            r"\begin{table*}",
            r"\centering\small",
            rf"\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}",
            rf"\caption{{{caption} Best bold, second underlined.}}",
            rf"\label{{{label}}}\par\smallskip",
            rf"\begin{{tabular}}{{l{'r' * len(places)}}}",
            r"\toprule",
            *_heads(board, groups, places),
            r"\midrule",
            *(_row(board, line, places) for line in range(len(board.rows))),
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip{{\footnotesize\raggedright {under}\par}}"] if notes else []),
            r"\end{table*}",
            "",
        )
    )


def _heads(board: Board, groups: Sequence[_Columns], places: Sequence[int]) -> Iterator[str]:
    """Datasets over their metrics; a group of costs has its words in the caption."""
    if not groups[0][0].cost:
        yield " & ".join(["", *(_over(board, group, found) for group, found in groups)]) + r" \\"
        column = 2
        for _, found in groups:
            yield rf"\cmidrule(lr){{{column}-{column + len(found) - 1}}}"
            column += len(found)
    heads = [_head(board.columns[place], _width(board, place)) for place in places]
    yield " & ".join(["Model", *heads]) + r" \\"


def _over(board: Board, group: Group, places: Sequence[int]) -> str:
    """A dataset's name over its columns."""
    width = sum(_width(board, place) + _GAP for place in places) - _GAP
    return rf"\multicolumn{{{len(places)}}}{{c}}{{{_name(group.dataset, width)}}}"


def _head(column: Column, width: float) -> str:
    words = escape(column.title) + _ARROWS.get(column.direction, "")
    return rf"\parbox[b]{{{width:g}pt}}{{\raggedleft\scriptsize\strut {words}}}"


def _row(board: Board, line: int, places: Sequence[int]) -> str:
    row = board.rows[line]
    cells = (_cell(row.entries[place], board.unsure(line, place)) for place in places)
    return " & ".join([_name(row.title, _MODEL), *cells]) + r" \\"


def _name(name: str, width: float) -> str:
    """A name; a long one is broken into lines, between its words or within one that is too long."""
    if 5.2 * len(name) <= width:
        return escape(name)
    words = " ".join(_pieces(word) for word in name.split(" "))
    return rf"\parbox[t]{{{width:g}pt}}{{\raggedright {words}\strut}}"


def _pieces(word: str) -> str:
    if len(word) <= _LONG_WORD:
        return escape(word)
    return r"\allowbreak{}".join(escape(word[start : start + 4]) for start in range(0, len(word), 4))


def _cell(entry: Entry, unsure: bool) -> str:
    number = {"inf": r"$\infty$", "-inf": r"$-\infty$", DASH: "---"}.get(entry.text, entry.text)
    number = f"$-${number[1:]}" if number[0] == "-" and number != "---" else number
    notes = "".join(rf"\textsuperscript{{{note}}}" for note in entry.notes)
    return _MARKS.get(entry.mark, "%s") % number + (_UNSURE if unsure else "") + notes


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
