"""What the tests of data share."""

import pytest
from serving import serve


@pytest.fixture
def served(tmp_path):
    """A served folder, and the address of an archive in it."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serve(folder) as address:
        yield folder, f"{address}/set.tar.gz"
