"""A line above a table, in as many names as the table has columns."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from pairvae.formats.column_names import read_field

NO_NAME = "(no name)"
MOST_NAMED = 8  # names of which some may be of several words
MOST_JOINED = 3  # words of a line beyond one for each column
IN_BRACKETS = r"[\[(](?:[^\[\]()]|\([^()]*\))*[\])]"
_TOKEN = re.compile(rf"(?:[^\s,;|\[\]()]|{IN_BRACKETS})+(?:\s+{IN_BRACKETS}(?=[\s,;|]|$))*|[^\s,;|]+")
_BEHIND = re.compile(r"[|/.,\s]*\bchi\^?2?\s*[=:].*", re.IGNORECASE)  # "sExp | iExp | Err | iFit | Chi^2= 0.2"
_ANNOUNCED = re.compile(r".*\b(?:columns?|format|fit|data)\b(?:[^:|]*:|\s+(?:are|is)\b)(?P<names>.+)", re.IGNORECASE)
SENTENCE = re.compile(
    "vs|versus|of|in|is|are|was|and|or|as|by|for|from|to|the|an|with|against|at|over|on|than|range|units?|space|step|scale"
    "|[-=:+]",
    re.IGNORECASE,
)


def splits(line: str, width: int) -> Iterator[tuple[list[str], bool]]:
    """The line in as many fields, and whether more than blanks separates them."""
    text = line.strip().lstrip("#%!;*/").partition("//")[0].strip()
    if "chi" in text.lower():
        text = _BEHIND.sub("", text)
    announced = _ANNOUNCED.fullmatch(text) if ":" in text or "are" in text else None
    for part in (text, announced["names"].strip() if announced else ""):
        for pattern in (r"\|", r"\t", ";", ",", r"\s{2,}"):
            cells = [cell.strip(" \"'#") for cell in re.split(pattern, part)]
            fields = [cell for cell in cells if cell]
            if len(cells) == width and not cells[0] and pattern != r"\|":
                yield [cell or NO_NAME for cell in cells], True  # ",q,I": rows with a running number
            if len(fields) == width:
                yield fields, True
            elif pattern == r"\|" and len(fields) > width:
                yield fields[-width:], True  # "The 6 columns are | Q (1/A) | …"
        tokens = [token.strip("\"'# ") for token in _TOKEN.findall(part)]
        if len(tokens) == width:
            yield tokens, False
        elif width < len(tokens) <= width + MOST_JOINED and not re.search(r"[,;|\t]", re.sub(IN_BRACKETS, "", part)):
            yield from ((names, False) for names in _joined(tokens, width))


def _joined(tokens: Sequence[str], width: int) -> list[list[str]]:
    """The words of a line in as many names, each of which is known: "I q^2", "std. dev.", "rel. sigma (%)".

    Words of two columns are never one name, except of something that is no intensity.
    """
    found: list[list[str]] = []
    if width > MOST_NAMED or any(SENTENCE.fullmatch(token) for token in tokens):
        return found
    for cuts in combinations(range(1, len(tokens)), width - 1):
        pieces = [tokens[start:stop] for start, stop in pairwise((0, *cuts, len(tokens)))]
        if all(len(piece) == 1 or _is_one_name(piece) for piece in pieces):
            found.append([" ".join(piece) for piece in pieces])
    known = [names for names in found if all(read_field(name).is_known for name in names)]
    others = [names for names in known if any(read_field(name).in_place_of == "I" for name in names)]
    return others[:1] or known


def _is_one_name(words: Sequence[str]) -> bool:
    fields = [read_field(word) for word in words]
    if any(field.unit for field in fields[:-1]):
        return False
    whole = read_field(" ".join(words))
    kinds = {field.kind for field in fields if field.kind != "-"}
    if whole.in_place_of == "I":
        return True
    return len(kinds) < 2 and not any(field.in_place_of for field in fields) and (not kinds or whole.kind in kinds)


def is_label(name: str) -> bool:
    """Whether a cell between separators may be a name that begins with no letter: "10 mg/ml", "25 °C", "(no name)"."""
    return name == NO_NAME or (len(name) <= 20 and re.search(r"[^\W\d]", name) is not None)
