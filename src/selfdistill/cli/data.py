"""Commands about what training needs: data check, data fetch."""

import difflib
from pathlib import Path

from .parser import parser_of


def data(words: list[str]) -> int:
    """Check pictures, or fetch official data sets and published weights."""
    actions = {"check": _check, "fetch": _fetch}
    if not words or words[0] not in (*actions, "-h", "--help"):
        problem = f"there is no {words[0]!r}" if words else "what about data"
        raise ValueError(
            f"selfdistill data: {problem}: check PATH tells what becomes of pictures, "
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
    args = parser.parse_args(words)
    from ..data.images import check_images

    report = check_images(args.path, root=args.root)
    print(report)
    return 2 if report.problem else 0


def _fetch(words: list[str]) -> int:
    """Download an official data set or a network's weights: what is missing, and check it."""
    parser = parser_of("data")
    parser.prog += " fetch"
    parser.add_argument("name", help="CIFAR10, CIFAR100, FashionMNIST, or a network")
    parser.add_argument("--root", type=Path, default=Path("data"), help="where images are to lie")
    args = parser.parse_args(words)
    from ..backbones import create_backbone, is_known
    from ..data import DATA_SETS
    from ..data.datasets import DownloadableSet

    sets = {each.__name__.lower(): each for each in DATA_SETS if issubclass(each, DownloadableSet)}
    name: str = args.name
    source = sets.get(name.lower().replace("-", ""))
    if source is not None:
        splits = source(root=args.root, download=True).splits()
        print(
            f"{source.__name__} is complete in {args.root}: {len(splits.train):,} training and "
            f"{len(splits.test):,} test images of {len(splits.train.classes)} classes"
        )
    elif is_known(name):
        architecture = create_backbone(name, 1, pretrained=True).architecture
        assert architecture is not None
        print(f"the weights of {architecture.name} are in the cache")
    else:
        nearest = difflib.get_close_matches(name.lower().replace("-", ""), sets, n=1, cutoff=0.5)
        names = ", ".join(each.__name__ for each in sets.values())
        hint = f"did you mean {sets[nearest[0]].__name__}?" if nearest else f"known are {names}"
        raise ValueError(f"{name} cannot be fetched: {hint}")
    return 0
