"""The tables of numbers in a text, whatever stands around and between their rows."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pairvae.errors import NoCurve, ReadError
from pairvae.formats.table_header import header_columns
from pairvae.formats.text_blocks import (
    BROKEN_TOGETHER,
    COMPARED_ROWS,
    FEWEST_ROWS,
    Block,
    Entry,
    TextTable,
    find_blocks,
    find_torn,
    parse_entries,
    shed_heading,
    written_unlike,
)
from pairvae.formats.text_layouts import Layout, layout_above
from pairvae.formats.text_quick import quick_table
from pairvae.formats.text_rows import (
    Dialect,
    Row,
    begins_with_number,
    find_dialect,
    line_ranges,
    unclear_thousands,
)

MOST_ROWS = 1_000_000  # no reduced curve has more; bounds the time a text may take


class _Text(NamedTuple):
    """A text, understood line by line."""

    lines: Sequence[str]
    where: str
    layout: Layout | None
    dialect: Dialect
    entries: Sequence[Entry]


def find_tables(lines: Sequence[str], where: str, layout: Layout | None = None) -> list[TextTable]:
    """Find the longest block of rows, and those beside it with as many columns and a header of their own.

    Parameters
    ----------
    lines : sequence of str
        The whole text.
    where : str
        The file's name, for messages.
    layout : Layout, optional
        The text format that was recognised.

    Raises
    ------
    ReadError
        No table, one that breaks off, too many broken rows, or thousands separators that may be something else.
    """
    if len(lines) > MOST_ROWS:
        raise ReadError(
            f"{where}: has {len(lines)} lines; at most {MOST_ROWS} are read; rebin the curve or export I(q) alone"
        )
    table = quick_table(lines, layout) if layout is None or layout.width is None else None
    if table is not None:
        return [table]
    skip = layout.skip if layout else 0
    dialect = find_dialect(lines[skip:], where)
    text = _Text(lines, where, layout, dialect, parse_entries(lines, skip, dialect))
    blocks = list(find_blocks(text.entries))
    if layout is not None and not _holds(blocks, layout):
        return find_tables(lines, where)
    chosen, apart = _chosen(blocks, text)
    return [
        _table(before, block, block is chosen[-1], apart, text)
        for before, block in zip([None, *chosen], chosen, strict=False)
    ]


def _holds(blocks: Sequence[Block], layout: Layout) -> bool:
    """Whether a text holds the table of its layout, rather than one of another width below the same header."""
    rows = [(len(block.rows), layout.width in (None, block.width)) for block in blocks]
    longest = max((count for count, fits in rows if fits), default=0)
    return layout.beside is not None or longest >= min(FEWEST_ROWS, max(rows, default=(0, True))[0])


def _chosen(blocks: Sequence[Block], text: _Text) -> tuple[list[Block], set[int]]:
    """The blocks that are tables, and the lines of those that are something else."""
    wanted = text.layout.width if text.layout else None
    fitting = [block for block in blocks if wanted is None or block.width == wanted]
    if not fitting:
        raise NoCurve(
            f"{text.where}: no table found in {len(text.lines)} lines; expected rows of at least "
            f"{wanted or 'two'} numbers (q and intensity) separated by space, tab, comma or semicolon; export the "
            "reduced curve as such a table"
        )
    main = max(fitting, key=lambda block: len(block.rows))
    chosen = [
        block for block in fitting if block is main or (block.width == main.width and len(block.rows) >= FEWEST_ROWS)
    ]
    others = set(blocks) - set(chosen)
    apart = {row.line for block in others if _stands_apart(block, main, text) for row in block.rows}
    for before, block in zip([None, *chosen], chosen, strict=False):
        shed_heading(block, text.entries)
        block.layout = text.layout
        if before is not None and text.layout is not None:
            block.layout, header = layout_above(text.lines, before.rows[-1].line, block.first_line, block.rows[-1].line)
            apart.update(header)
    find_torn(chosen, text.entries, apart)
    for before, block in pairwise(chosen):
        if block.layout is None and not _has_header(before, block, text):
            raise _breaks_off(before.rows[-1], block.rows[0], text)
    for block in chosen:
        above, below = _whole(block.above, block), _whole(block.below, block)
        most = max(BROKEN_TOGETHER, len(block.rows) // 10)
        if len(above) > most:
            raise _breaks_off(above[-1], block.rows[0], text)
        if len(below) > most:
            raise _breaks_off(block.rows[-1], below[0], text)
    return chosen, apart


def _whole(torn: Sequence[Row], block: Block) -> list[Row]:
    """Torn rows that are rows of as many numbers as those of the block."""
    return [row for row in torn if not row.broken and len(row.numbers) == block.width]


def _breaks_off(before: Row, after: Row, text: _Text) -> ReadError:
    return ReadError(
        f"{text.where}, line {before.line + 1}: the table of {len(after.numbers)} columns breaks off and goes on at "
        f"line {after.line}; expected one table, or a header that names the columns above each; mend or remove the "
        "lines between, or put each table into a file of its own"
    )


def _stands_apart(block: Block, main: Block, text: _Text) -> bool:
    """Whether a block is something of its own, and no piece torn off the main one."""
    if text.layout is not None and block.width == text.layout.beside:
        return True
    wider, width = (block, main.width) if block.width > main.width else (main, block.width)
    ends = [text.lines[row.line - 1] for row in (wider.rows[0], wider.rows[-1])]
    return len(block.rows) >= FEWEST_ROWS and not any(unclear_thousands(line, text.dialect, width) for line in ends)


def _has_header(before: Block, block: Block, text: _Text) -> bool:
    """Whether what is above a block begins a new table."""
    first, lines = block.first_line, text.lines
    if text.layout is not None and block.above:
        block.layout, _ = layout_above(lines, before.rows[-1].line, first, block.rows[-1].line)
    above = [line for line in lines[max(0, first - 7) : first - 1] if line.strip()]
    return block.layout is not None or header_columns(above[-3:], block.width) is not None


def _table(before: Block | None, block: Block, is_last: bool, apart: Collection[int], text: _Text) -> TextTable:
    """What a block and the lines around it hold, down from the block before."""
    lines, rows = text.lines, block.rows
    unread = _unread(before, block, is_last, apart, text)
    _refuse_unclear(block, unread["broken_rows"], text)
    values = np.array([row.numbers for row in rows])
    filled = ~np.isnan(values).all(axis=0) if np.isnan(values[0]).any() else np.ones(block.width, bool)
    filled[:2] = True
    start = before.rows[-1].line if before else 0
    lost = {row.line for row in block.above}
    dropped = {reason: sum(row.begins or row.likely for row in found) for reason, found in unread.items()}
    numbers = {reason: [row.line for row in found] for reason, found in unread.items() if found}
    if before is None and text.layout is not None:
        above = [at for at, line in enumerate(lines[: text.layout.skip], 1) if begins_with_number(line)]
        numbers["numbers_in_header"] = above + numbers.get("numbers_in_header", [])
        dropped["numbers_in_header"] = len(above) + dropped.get("numbers_in_header", 0)
    per_row = np.array([row.begins for row in rows], np.int64)
    return TextTable(
        values=values[:, filled],
        first=rows[0].line,
        header=[line for at, line in enumerate(lines[start : rows[0].line - 1], start + 1) if at not in lost],
        footer=lines[rows[-1].line :][:200],
        lines=[row.line for row in rows],
        unread=numbers,
        dropped={reason: count for reason, count in dropped.items() if count},
        per_row=None if per_row.all() else per_row,
        text_behind=sum(row.behind for row in rows),
        grouped=sum(row.grouped for row in rows),
        remarks=_remarks(block, unread, text),
        layout=block.layout or text.layout,
    )


def _unread(
    before: Block | None, block: Block, is_last: bool, apart: Collection[int], text: _Text
) -> dict[str, list[Row]]:
    """Rows around a block that are not used, and why."""
    torn = [*block.above, *block.broken, *block.below]
    whole = _whole(torn, block)
    unread = {"broken_rows": sorted(set(torn) - set(whole), key=lambda row: row.line), "rows_outside": whole}
    taken = set(torn) | set(before.below if before else ())
    above = text.entries[before.stop if before else 0 : block.start]
    below = text.entries[block.stop :] if is_last else ()
    in_layout = before is not None and block.layout is not None  # all above it is the header of the layout
    for entries, reason in ((above, "numbers_in_header"), (below, "numbers_in_footer")):
        for row in entries:
            if isinstance(row, Row) and row not in taken and (row.begins or not row.broken):
                alike = len(row.numbers) == block.width and row not in block.heading
                outside = not row.broken and (alike or row.line in apart) and not (entries is above and in_layout)
                unread.setdefault("rows_outside" if outside else reason, []).append(row)
    unread["rows_outside"].sort(key=lambda row: row.line)
    return unread


def _refuse_unclear(block: Block, broken: Sequence[Row], text: _Text) -> None:
    """Refuse thousands separators that may be something else, and too many broken rows."""
    unclear = {}
    for row in broken:
        shorter = 0 < len(row.numbers) < block.width and not row.broken  # the block may be the one that was torn
        line = text.lines[(block.rows[0] if shorter else row).line - 1]
        unclear[row.line] = unclear_thousands(line, text.dialect, len(row.numbers) if shorter else block.width)
    found = [line for line, cell in unclear.items() if cell]
    if found:
        raise ReadError(
            f"{text.where}, {line_ranges(found)}: found {unclear[found[0]]!r}, which may be one number with a "
            "thousands separator or not; expected as many numbers as in the other rows; write numbers without "
            "thousands separators"
        )
    inside = {row.line for row in block.broken}
    bad = [row for row in broken if not row.masked and (row.broken or row.line in inside)]
    if len(bad) > max(BROKEN_TOGETHER, len(block.rows) // 10):
        raise ReadError(
            f"{text.where}, {line_ranges([row.line for row in bad])}: {len(bad)} of {len(broken) + len(block.rows)} "
            f"rows are no rows of {block.width} numbers; expected few; mend or remove them"
        )


def _remarks(block: Block, unread: Mapping[str, Sequence[Row]], text: _Text) -> list[str]:
    """What is worth a look of the rows that are not used, and of a first row that may be one of them."""
    remarks = []
    broken, outside = ([row.line for row in unread.get(reason, ())] for reason in ("broken_rows", "rows_outside"))
    if broken:
        remarks.append(f"{len(broken)} rows that are no rows of {block.width} numbers dropped: {line_ranges(broken)}")
    torn_off = any(len(row.numbers) == block.width for row in unread.get("rows_outside", ()))
    if torn_off or (not (text.layout and text.layout.beside) and len(outside) >= FEWEST_ROWS):
        remarks.append(f"{len(outside)} rows of numbers outside the table not used: {line_ranges(outside)}")
    first, header = block.rows[0].line, unread.get("numbers_in_header", ())
    if block.heading:
        at = line_ranges([row.line for row in block.heading])
        remarks.append(f"{at} taken as numbers of the header: out of line with the first column of the rows below")
    elif header and not any(line.strip() for line in text.lines[header[-1].line : first - 1]):
        rows = [text.lines[row.line - 1] for row in block.rows[:COMPARED_ROWS]]
        if written_unlike(rows):
            remarks.append(
                f"line {first} is written unlike the rows below it and stands below numbers of the header: read as "
                "the first row; remove it if it belongs to the header"
            )
    return remarks
