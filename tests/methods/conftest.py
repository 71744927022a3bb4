import jaxtyping
import pytest


@pytest.fixture
def unchecked():
    """Annotations are not checked, as for users: what refuses a value is the method itself."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
