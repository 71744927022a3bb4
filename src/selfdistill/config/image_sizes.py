"""Sizes of images as they are typed: 224, 224x320, 224×320, 224,320, [224, 320]; height first."""

import re

PAIR = re.compile(r"[\[(]?\s*(\d{1,9})\s*[xX×,]\s*(\d{1,9})\s*[\])]?")


def read_size(value: object) -> object:
    """A size as recipes hold it: one number for squares, else height and width.

    A ValueError for text that is none of the spellings; anything else is returned as it is.
    """
    if isinstance(value, str) and not value.strip().lstrip("+-").isdigit():
        found = PAIR.fullmatch(value.strip())
        if found is None:
            raise ValueError(
                f"--image-size {value}: give the pixels of a square's side, or HEIGHTxWIDTH, such "
                "as 224x320"
            )
        value = [int(side) for side in found.groups()]
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
        return value[0]
    return value
