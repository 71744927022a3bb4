"""A finished run as a repository of the Hugging Face hub."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, errors

from ..backbones import (
    CONFIG,
    WEIGHTS,
    Description,
    is_known,
    read_description,
    read_weights,
    within_reach,
)
from ..reports import read
from ..reports.model_card import CardNetwork, model_card
from ..runs import RunDirectory, read_checked, read_checked_json, sha256
from .hub import HEADERS, check_repository, explained, own_token, unreachable

CARD = "README.md"
RECIPE = "recipe.yaml"
EXITS = "exits.json"
ATTACHMENTS = "attachments/attachments.safetensors"
OWN_FILES = (CONFIG, WEIGHTS, EXITS, ATTACHMENTS, RECIPE, CARD)
"""All that a repository can hold of a run; its other files are never touched."""
SEAL = re.compile(r"<!-- selfdistill push: ([0-9a-f]{64}) -->\n\Z")
"""The end of a card: the hash of all before, by which a card that somebody changed is known."""
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")


def repository_files(path: Path, name: str, *, licence: str | None = None) -> dict[str, bytes]:
    """What a repository of a finished run holds, by path in it; opens no connection.

    Args:
        path: The run directory.
        name: ``owner/name``, which the card is written for.
        licence: The licence's name on the hub, such as ``apache-2.0``; None for none.

    Raises:
        ValueError: If the run is not finished, a file of it is missing or damaged, or name or
            licence are none.
    """
    check_repository(name)
    if licence is not None and not LICENCE.fullmatch(licence):
        raise ValueError(
            f"--license {licence}: give the name that the hub has for it, such as apache-2.0, mit, "
            "cc-by-4.0 or other"
        )
    stored, run = read(path), RunDirectory(path)
    summary = run.read_summary()
    recorded = summary.mapping("files")
    description = read_description(run.model)
    read_weights(run.model / WEIGHTS)
    places = {name: f"model/{name}" for name in (CONFIG, WEIGHTS, EXITS)}
    places[ATTACHMENTS] = ATTACHMENTS
    files = {
        name: read_checked(path / place)
        for name, place in places.items()
        if place in recorded or (path / place).exists()
    }
    recipe = summary.section("recipe").values
    recipe = {"format": 1, **recipe, "split": summary.text("split_hash")}
    files[RECIPE] = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True).encode()
    card = model_card(
        stored,
        name,
        _network(run, description, bool(stored.fields.get("backbone.pretrained"))),
        files={*files, CARD},
        options=run.read_paths(),
        licence=licence,
    )
    files[CARD] = f"{card}<!-- selfdistill push: {sha256(card.encode())} -->\n".encode()
    return files


def _network(run: RunDirectory, description: Description, pretrained: bool) -> CardNetwork:
    import timm

    name = description.architecture
    beginning = ""
    if pretrained:
        declared = read_checked_json(run.model / CONFIG).mapping("pretrained_cfg")
        of, licence = declared.get("origin_url"), declared.get("license")
        beginning = (
            f"Training began with published weights{f' ({of})' if of else ''}"
            f"{f', licence {licence}' if licence else ''}: their licence may bind these, too."
        )
    return CardNetwork(
        name,
        *description.preprocessing.size,
        named=is_known(name),
        in_timm=timm.is_model(name),
        beginning=beginning,
    )


def push(name: str, files: Mapping[str, bytes], *, private: bool = False) -> str:
    """Upload a run's files in one commit; files of a repository that are not a run's stay.

    Args:
        name: ``owner/name``; made if there is none.
        files: What :func:`repository_files` gives.
        private: Whether a new repository is for its owner alone.

    Returns:
        The address of the commit.

    Raises:
        ValueError: If there is no token, it is refused, the hub is out of reach, or the repository
            holds files of these names that no push wrote, or whose card was changed since.
    """
    if not within_reach(constants.ENDPOINT):
        raise ValueError(f"nothing is uploaded: {unreachable()}")
    token = own_token()
    if not token:
        raise ValueError(
            "nothing is uploaded, as there is no token: log in with `hf auth login`, or set "
            "HF_TOKEN, to one with write access"
        )
    api = HfApi(token=token, headers=HEADERS)
    with explained(name):
        try:
            info = api.model_info(name)
        except errors.RepositoryNotFoundError:
            info = None
        if info is None:
            api.create_repo(name, private=private)
            stale, parent = [], None
        else:
            if private and info.private is False:
                raise ValueError(
                    f"{name} is there already and public: change that on its page, or leave "
                    "--private out"
                )
            parent = info.sha
            stale = _own_files(api, name, parent, [file.rfilename for file in info.siblings or []])
        operations = [CommitOperationAdd(file, content) for file, content in files.items()]
        gone = [CommitOperationDelete(file) for file in stale if file not in files]
        commit = api.create_commit(
            name,
            [*operations, *gone],
            commit_message="Upload a run of selfdistill",
            parent_commit=parent,
        )
    return str(commit.commit_url)


def _own_files(api: HfApi, name: str, revision: str | None, files: list[str]) -> list[str]:
    """Files of an earlier push; refuses a repository with files of these names from elsewhere."""
    found = [file for file in OWN_FILES if file in files]
    if not found:
        return []
    card = ""
    if CARD in found:
        path = api.hf_hub_download(name, CARD, revision=revision)
        card = Path(path).read_bytes().decode(errors="replace")
    seal = SEAL.search(card)
    if seal is None:
        raise ValueError(
            f"{name} holds {found[0]}, which no push of a run wrote: choose another name, or take "
            f"the file away there"
        )
    if sha256(card[: seal.start()].encode()) != seal[1]:
        raise ValueError(
            f"the card of {name} was changed since it was pushed, and a push would replace it: "
            f"choose another name, or take {CARD} away there"
        )
    return found
