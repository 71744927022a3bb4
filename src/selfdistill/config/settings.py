"""What one run is: its recipe, where it is computed, and what was passed in Python."""

from dataclasses import dataclass, field, replace
from functools import cached_property

from ..backbones import Backbone
from ..data import DataSet
from .recipe import Recipe
from .schema import Execution, Ingredients


@dataclass(frozen=True)
class Settings:
    """One run as it is asked for.

    Args:
        recipe: What decides its numbers.
        execution: Where it is computed.
        data: Images that were passed in Python; the recipe names them by their hash.
        backbone: A network that was passed in Python, of which a copy is trained.
    """

    recipe: Recipe
    execution: Execution = field(default_factory=Execution)
    data: DataSet | None = None
    backbone: Backbone | None = None

    @cached_property
    def ingredients(self) -> Ingredients:
        """The objects that the recipe names, made once."""
        return self.recipe.build(self.data)

    def resolved(self, **known: object) -> "Settings":
        """The same run with what is known only where it runs: precision, the split's hash."""
        return replace(self, recipe=self.recipe.resolved(**known))
