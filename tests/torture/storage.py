"""Disks that are full, and things of another kind where files or folders are expected."""

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager

from .attempts import Attempt, fault, promise, refused
from .children import run
from .digest import differing, digest
from .pictures import OWN, folder_of
from .trained import SMALL, finished, place, words_of

METHOD = "SKDSAM"
MIN_BYTES = 6000
"""What the lines that a command prints may take, which go to a file, too."""


def limited(size):
    """No file of the child grows larger."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@promise("R7", "no file may grow larger (20 sizes): one line, what is there stays, the same later")
def file_sizes(ground):
    whole = finished(ground.folder, METHOD)
    expected = digest(whole)
    largest = max(file.stat().st_size for file in whole.rglob("*") if file.is_file())
    count = ground.of(2, 20)
    for number in range(count):
        size = int(MIN_BYTES + number * (largest - MIN_BYTES) / count)
        path = place(ground.folder, "limited")
        shutil.rmtree(path, ignore_errors=True)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        yield _filled(f"{size:,} bytes", words, path, expected, before=limited(size))


@promise("R7", "a file system that is full: one line, what is there stays, the same later")
def full_disks(ground):
    """Where the machine lets us mount one; elsewhere limits of size stand for it."""
    expected = digest(finished(ground.folder, METHOD))
    for kilobytes in ground.some((64, 150, 250, 350, 450, 550, 650, 800, 950, 1100, 1300), 1):
        with _small_disk(ground.folder / "disk", kilobytes) as disk:
            path = disk / "run"
            words = [*words_of(METHOD, ground.folder), "--out", path]
            before = None if os.path.ismount(disk) else limited(300 * kilobytes)
            yield _filled(f"{kilobytes} kB", words, path, expected, before=before, grow=disk)


def _filled(what, words, path, expected, *, before, grow=None):
    answer = run(words, before=before)
    attempt = refused(what, answer, "bytes", codes=(0, 4))
    if attempt.wrong is None:
        if grow and os.path.ismount(grow):
            subprocess.run(["mount", "-o", "remount,size=64m", grow], check=True)
        last = run(words)
        others = differing(digest(path), expected) if last.code == 0 else [last.last]
        wrong = fault(last) or (f"goes on otherwise: {others}" if others else None)
        attempt = Attempt(what, wrong, "refused, the same later" if answer.code else "the same")
    return attempt


@contextmanager
def _small_disk(folder, kilobytes):
    folder.mkdir(exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", folder]
    mounted = subprocess.run(options, capture_output=True).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@promise("R7", "cache, report, attention, augment on a full disk: one line with path and bytes")
def other_writers(ground):
    whole, pictures = finished(ground.folder, METHOD), folder_of(ground.folder / "own")
    picture = next(pictures.rglob("*.png"))
    made = ground.folder / "made"
    commands = {
        "report": ["report", whole, "--to", made / "report"],
        "attention": ["attention", whole, picture, "--picture", made / "a.png"],
        "augment": ["augment", "digits", "--picture", made / "b.png"],
        "cache": ["train", "--data", pictures, *OWN, "--cache-dir", made, "--out", made / "run"],
    }
    for name, words in commands.items():
        for size in ground.some((100, 1000, MIN_BYTES), 1):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            answer = run(words, before=_device_full(size))
            yield refused(f"{name}, {size} bytes", answer, made.name, "bytes", codes=(4,))


def _device_full(size):
    """Like a limit of size, but for the files of the command's own lines."""

    def limit():
        for stream in (1, 2):
            _relay(stream)
        limited(size)()

    return limit


def _relay(stream):
    """Let another process, which has no limit, write what goes to a stream."""
    reader, writer = os.pipe()
    if os.fork():
        os.dup2(writer, stream)
        os.close(writer)
        os.close(reader)
        return
    os.closerange(3, reader)
    os.close(writer)
    os.close(3 - stream)
    while content := os.read(reader, 4096):
        os.write(stream, content)
    os._exit(0)


@promise("R7", "a file where a folder is expected, a folder where a file is: one line by name")
def wrong_kinds(ground):
    whole = finished(ground.folder, METHOD)
    file, folder = ground.folder / "a-file", ground.folder / "a-folder"
    file.write_text("precious")
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    picture = next(folder_of(ground.folder / "own").rglob("*.png"))
    commands = [
        (["train", *SMALL, "--method", METHOD, "--out", file], file),
        (["train", *SMALL, "--method", METHOD, "--out", file / "below"], file),
        (["train", "--data", file, *OWN, "--out", place(ground.folder, "x")], file),
        (["report", whole, "--to", file], file),
        (["report", whole, "--to", file / "below"], file),
        (["evaluate", file], file),
        (["predict", file, picture], file),
        (["predict", whole, ground.folder / "nowhere.png"], "nowhere.png"),
        (["predict", whole / "summary.json", picture], "summary.json"),
        (["attention", whole, picture, "--picture", folder], folder),
        (["attention", whole, picture, "--picture", file / "a.png"], file),
        (["augment", "digits", "--picture", folder], folder),
        (["compare", file], file),
        (["train", "--config", folder], folder),
        (["train", "--config", ground.folder / "nowhere.yaml"], "nowhere.yaml"),
    ]
    for words, named in ground.some(commands, 6):
        what = " ".join(str(getattr(word, "name", word)) for word in words[:1] + words[-2:])
        attempt = refused(what, run(words), getattr(named, "name", named))
        if attempt.wrong is None and file.read_text() != "precious":
            attempt = Attempt(what, "the file was changed")
        yield attempt
