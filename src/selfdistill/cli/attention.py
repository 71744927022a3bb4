"""The command that shows what each stage of a network makes of images."""

from pathlib import Path

from .parser import add_own_code, parser_of
from .predict import find_files


def attention(words: list[str]) -> int:
    """Draw and print what each stage makes of images."""
    parser = parser_of("attention")
    parser.add_argument("run", type=Path, help="run directory of a method with exits or attention")
    parser.add_argument("images", nargs="+", help="image files, folders, or patterns")
    parser.add_argument("--picture", type=Path, default=Path("attention.png"), help="PNG file")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    add_own_code(parser)
    given = parser.parse_args(words)
    picture: Path = given.picture
    if picture.suffix.lower() != ".png":
        raise ValueError(f"--picture {picture}: name a PNG file, such as attention.png")
    from ..config import Execution
    from ..inspection import inspect_images
    from ..reports.stages import stages_figure, stages_json, stages_table
    from ..runs import replace_file

    files = find_files(given.images)
    if picture.resolve() in {file.resolve() for file in files}:
        raise ValueError(f"--picture {picture} is one of the images: name another file")
    execution = Execution(allow_own_code=given.allow_own_code)
    images = inspect_images(given.run, files, execution=execution)
    replace_file(picture, stages_figure(images))
    if given.format == "json":
        print(stages_json(images))
    else:
        print(stages_table(images), picture, sep="\n")
    return 0
