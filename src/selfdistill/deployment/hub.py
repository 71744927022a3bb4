"""The Hugging Face hub: names of repositories, what goes wrong on the way, downloads."""

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from os import PathLike
from pathlib import Path
from urllib.parse import urlparse

import huggingface_hub
from huggingface_hub import constants, errors

from ..backbones import CONFIG, WEIGHTS, within_reach
from ..version import __version__

HUB = "hf:"
"""What the name of a model on the hub begins with, where a folder could be meant."""
OWNER_AND_NAME = re.compile(r"(?!.*(--|\.\.))[\w.-]{1,96}/(?![-.])[\w.-]{1,96}(?<![-.])", re.ASCII)
HEADERS = {"user-agent": f"selfdistill/{__version__}"}
"""All that the hub is told of this machine."""
REFUSALS = {
    401: "the token is refused, or the repository is private: log in with `hf auth login`",
    403: "the token has no right to do this: make one with write access to the owner's models",
    409: "somebody else changed it meanwhile: look at it, and repeat the command",
    412: "somebody else changed it meanwhile: look at it, and repeat the command",
    429: "too many requests: wait some minutes",
}
SHA256 = re.compile("[0-9a-f]{64}")


def is_on_hub(path: str | PathLike[str]) -> bool:
    """Whether a path stands for a model on the hub, ``hf:owner/name``."""
    return str(path).startswith(HUB)


def check_repository(name: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        ValueError: If it is not ``owner/name``, in the letters that the hub takes.
    """
    if not OWNER_AND_NAME.fullmatch(name) or name.endswith(".git"):
        raise ValueError(
            f"{name!r} names no repository: give owner/name, of letters, digits and single - _ ."
        )


def fetch(model: str) -> Path:
    """Download a model folder into the hub's cache, as far as it is not there already.

    Args:
        model: ``hf:owner/name``, or ``hf:owner/name@revision`` for a branch, tag or commit.

    Returns:
        The folder; what the hub has now, or, where it is out of reach, what the cache has.

    Raises:
        ValueError: If there is no such model, it may not be read, it is neither within reach nor
            in the cache, or a file of the cache is damaged.
    """
    repository, _, revision = model.removeprefix(HUB).partition("@")
    check_repository(repository)
    offline, token = not within_reach(constants.ENDPOINT), own_token()
    with explained(f"{HUB}{repository}"):
        download = partial(
            huggingface_hub.hf_hub_download,
            repository,
            headers=HEADERS,
            token=token,
            local_files_only=offline,
        )
        config = Path(download(CONFIG, revision=revision or None))
        # The commit that its folder is named by: both files are of the same.
        weights = Path(download(WEIGHTS, revision=config.parent.name))
    # The hub names large files by their hash, and so does its cache, which never looks again.
    named = weights.readlink().name if weights.is_symlink() else ""
    if SHA256.fullmatch(named):
        with weights.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != named:
            raise ValueError(
                f"{weights} is not what {HUB}{repository} holds (its sha256 differs): delete "
                f"{weights.resolve()}, and it is downloaded again"
            )
    return config.parent


def own_token() -> str | None:
    """The token that huggingface_hub finds: HF_TOKEN, or where `hf auth login` put it.

    Raises:
        ValueError: If it holds signs that cannot be sent; the message does not show it.
    """
    token = huggingface_hub.get_token()
    if token and not re.fullmatch("[!-~]+", token):
        raise ValueError("the token (HF_TOKEN, or of `hf auth login`) holds signs that none has")
    return token


@contextmanager
def explained(subject: str) -> Generator[None]:
    """Turn what goes wrong on the hub, or on the way to it, into one line that shows no token.

    Args:
        subject: What is asked for.
    """
    try:
        yield
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise ValueError(f"{subject} is not in the cache, and {unreachable()}") from None
        raise ValueError(f"{subject} holds no trained network: a file is missing there") from None
    except errors.RevisionNotFoundError:
        raise ValueError(f"{subject} has no such revision: leave out @ and what follows") from None
    except errors.GatedRepoError:
        raise ValueError(f"{subject} is only given to whom its owner admits: ask there") from None
    except errors.RepositoryNotFoundError:
        raise ValueError(
            f"there is no {subject} on {host()}, or it is private and your token is not its owner's"
        ) from None
    except errors.HfHubHTTPError as error:
        code = error.response.status_code
        said = without_tokens(error.server_message or f"status {code}")
        raise ValueError(f"{subject}: {REFUSALS.get(code, said)}") from None
    except RuntimeError:
        again = "repeat the command; what is there already is not sent again"
        raise ValueError(f"{subject}: the transfer broke off: {again}") from None
    except (errors.HTTPError, OSError) as error:  # pyright: ignore[reportPrivateImportUsage]
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise  # a file of the cache
        # Not its own words: some cite the headers, and with them the token.
        raise ValueError(f"{subject}: {unreachable()} ({type(error).__name__})") from None


def unreachable() -> str:
    """What to do where the hub does not answer."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE forbids to ask the hub: take it out of the environment"
    return f"{host()} does not answer: connect to the network, or repeat the command later"


def host() -> str:
    """Where the hub is."""
    return urlparse(constants.ENDPOINT).hostname or constants.ENDPOINT


def without_tokens(text: str) -> str:
    """Another program's words without anything that looks like a token."""
    return re.sub(r"hf_\w+|Bearer \S+", "…", text)
