"""A long stage split over jobs: which share is whose."""

import re
from dataclasses import dataclass
from typing import Self

from pairvae.errors import UserError


@dataclass(frozen=True)
class Part:
    """One of several parts, in their order.

    Parameters
    ----------
    number : int
        From 1.
    count : int
        Parts that make the whole.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `2-of-4`.

        Raises
        ------
        UserError
            It is not of this form, or there is no such part.
        """
        found = re.fullmatch(r"(\d+)-of-(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f"part is {text!r}; expected a number and how many there are, as 2-of-4; mend it")
        return cls(int(found[1]), int(found[2]))

    def share(self, total: int) -> range:
        """Numbers of the items that are this part's, out of `total`; the parts follow each other."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)


WHOLE = Part()
