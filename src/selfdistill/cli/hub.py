"""The command that publishes a run: push."""

from collections.abc import Mapping
from pathlib import Path

from .parser import parser_of


def push(words: list[str]) -> int:
    """Show what a repository of a run would hold, or upload it."""
    parser = parser_of("push")
    add = parser.add_argument
    add("run", type=Path, help="run directory")
    add("repository", metavar="OWNER/NAME", help="repository on the hub; made if there is none")
    add("--license", metavar="NAME", help="the hub's name of the weights' licence: apache-2.0, …")
    add("--private", action="store_true", help="a new repository is for its owner alone")
    add("--yes", action="store_true", help="upload; without it no connection is opened")
    args = parser.parse_args(words)
    from .. import deployment

    files = deployment.repository_files(args.run, args.repository, licence=args.license)
    if args.yes:
        print(deployment.push(args.repository, files, private=args.private))
        print(f'sd.load("{deployment.HUB}{args.repository}") loads it')
        return 0
    print(files["README.md"].decode())
    print(_listing(files))
    print(f"nothing was uploaded; with --yes these files go to {args.repository}")
    return 0


def _listing(files: Mapping[str, bytes]) -> str:
    """Names of files with their bytes."""
    sizes = {name: f"{len(content):,}" for name, content in files.items()}
    name, size = (max(map(len, column)) for column in (sizes.keys(), sizes.values()))
    return "\n".join(f"{key:<{name}}  {sizes[key]:>{size}} bytes" for key in sorted(sizes))
