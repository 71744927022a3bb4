"""Commands about what training needs: data check, data fetch."""

import difflib
from pathlib import Path

from .parser import parser_of


def data(words: list[str]) -> int:
    """Check pictures, or fetch official data sets and published weights."""
    actions = {"check": _check, "fetch": _fetch}
    if not words or words[0] not in (*actions, "-h", "--help"):
        said = f"there is no {words[0]!r}" if words else "what about data"
        raise ValueError(
            f"selfdistill data: {said}: check PATH tells what becomes of pictures, "
            "fetch NAME downloads an official data set or a network's weights"
        )
    if words[0] not in actions:
        parser = parser_of("data")
        parser.add_argument("action", choices=tuple(actions), help="ACTION --help says more")
        parser.parse_args(words)
    return actions[words[0]](words[1:])


def _check(words: list[str]) -> int:
    """Tell what becomes of each picture; 2 if training would refuse them."""
    parser = parser_of("data")
    parser.prog += " check"
    parser.add_argument("path", help="folder of class folders, table (.csv, .tsv), or hf:NAME")
    parser.add_argument("--root", type=Path, help="folder of a table's files; default: its own")
    given = parser.parse_args(words)
    from ..data.images import check_images

    report = check_images(given.path, root=given.root)
    print(report)
    return 2 if report.problem else 0


def _fetch(words: list[str]) -> int:
    """Download an official data set or a network's weights: what is missing, and check it."""
    parser = parser_of("data")
    parser.prog += " fetch"
    parser.add_argument("name", help="CIFAR10, CIFAR100, FashionMNIST, or a network")
    parser.add_argument("--root", type=Path, default=Path("data"), help="where images are to lie")
    given = parser.parse_args(words)
    from ..backbones import create_backbone, is_known
    from ..data import DATA_SETS
    from ..data.datasets import DownloadableSet

    known = {one.__name__.lower(): one for one in DATA_SETS if issubclass(one, DownloadableSet)}
    plain = given.name.lower().replace("-", "")
    if plain not in known and is_known(given.name):
        backbone = create_backbone(given.name, 1, pretrained=True)
        assert backbone.architecture is not None
        print(f"the weights of {backbone.architecture.name} are in the cache")
        return 0
    if plain not in known:
        nearest = difflib.get_close_matches(plain, known, n=1, cutoff=0.5)
        names = ", ".join(one.__name__ for one in known.values())
        hint = f"did you mean {known[nearest[0]].__name__}?" if nearest else f"known are {names}"
        raise ValueError(f"{given.name} cannot be fetched: {hint}")
    source = known[plain]
    splits = source(root=given.root, download=True).splits()
    print(
        f"{source.__name__} is complete in {given.root}: {len(splits.train):,} training and "
        f"{len(splits.test):,} test images of {len(splits.train.classes)} classes"
    )
    return 0
