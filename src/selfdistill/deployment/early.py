"""A network that stops early by the rule of its model folder."""

from collections.abc import Callable
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from .exit_rule import ExitRule
from .stagewise import EarlyLogits, StagewiseNetwork


class EarlyExits:
    """Stages and the rule by which images leave them; both are made when first asked for.

    Args:
        read_rule: Gives the rule.
        divide: Gives the network, divided at the exits that it is given.
    """

    def __init__(
        self,
        read_rule: Callable[[], ExitRule],
        divide: Callable[[tuple[str, ...]], StagewiseNetwork],
    ) -> None:
        self._read_rule, self._divide = read_rule, divide

    @cached_property
    def rule(self) -> ExitRule:
        """Where the network may stop; a ValueError where no rule was fitted."""
        return self._read_rule()

    @cached_property
    def stages(self) -> StagewiseNetwork:
        """The network as stages, each of which ends in an exit's logits."""
        return self._divide(self.rule.exits)

    def answer(self, images: Float[Tensor, "batch 3 height width"]) -> EarlyLogits:
        """Classify standardised images; logits are divided by the temperature of their exit."""
        rule, stages = self.rule, self.stages
        device = next(stages.parameters()).device
        return stages.answer(
            images.to(device), thresholds=rule.thresholds, temperatures=rule.temperatures
        )
