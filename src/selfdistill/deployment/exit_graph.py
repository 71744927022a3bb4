"""What each exit of a method is computed from, and the method divided into stages at its exits."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.export import Dim, export

from ..backbones import probe_image
from ..evaluation import evaluating
from ..methods import Method
from .division import Division, nodes_behind
from .stagewise import StagewiseNetwork

TOLERANCE = 1e-3
"""Difference of logits, as a share of the largest, that other orders of summation make."""


class ExitCost(NamedTuple):
    """An exit at which a network can stop."""

    name: str
    macs: int
    """Multiply-adds of one image up to and including it, without other exits' branches."""


class ExitGraph:
    """The operations of a method, in evaluation mode, and which of them its exits rest on.

    The method is traced once, by ``torch.export``, for any number of images. An exit rests on what
    its logits are computed from: whatever network and method are made of, no more is known of them.

    Args:
        method: The trained method; its mode comes back, its state is not changed.

    Raises:
        ValueError: If it has no exit that rests on less than the whole network, or cannot be
            traced.
    """

    def __init__(self, method: Method) -> None:
        self.method = method
        self._name = type(method).__name__
        with evaluating(method), torch.no_grad():
            self._module, self._names = _trace(method)
            self._macs = _macs_by_node(self._module, self._image(1))
        (output,) = (node for node in self._module.graph.nodes if node.op == "output")
        results: Sequence[fx.Node] = output.args[0]
        self._results = dict(zip(self._names, results, strict=True))
        self._behind = {name: nodes_behind(node) for name, node in self._results.items()}
        self.network = ExitCost("network", self._cost(["network"]))
        costs = (ExitCost(name, self._cost([name])) for name in self._names)
        early = (cost for cost in costs if cost.macs < self.network.macs)
        self.early: tuple[ExitCost, ...] = tuple(sorted(early, key=lambda cost: cost.macs))
        """Exits that cost less than the network, cheapest first."""
        if not self.early:
            others = ", ".join(name for name in self._names if name != "network")
            what = f"its {others} cost no less than the network" if others else "it has no exits"
            raise ValueError(
                f"{self._name} cannot stop early: {what}; train with BYOT, SKDSAM or another "
                "method that has exits at shallow stages"
            )

    def macs(self, exits: Sequence[str]) -> tuple[int, ...]:
        """Multiply-adds of one image until each exit has answered, and until the network has.

        Every exit before is computed, too: an image that goes on has paid for those that it passed.

        Args:
            exits: Names of early exits, in any order.
        """
        names = self._in_order(exits)
        return tuple(self._cost(names[: count + 1]) for count in range(len(names)))

    def divide(self, exits: Sequence[str]) -> StagewiseNetwork:
        """The network as stages, each of which ends in an exit's logits.

        Args:
            exits: The exits to ask, as for :meth:`macs`; the others are not computed.

        Raises:
            ValueError: If the stages do not give the whole network's logits, as of a network that
                mixes the images of a batch.
        """
        names = self._in_order(exits)
        stages = Division(self._module, [self._results[name] for name in names], self._name)
        divided = StagewiseNetwork(tuple(names), stages.modules(), self.macs(exits)).eval()
        self._check(divided)
        return divided

    def _in_order(self, exits: Iterable[str]) -> list[str]:
        wanted, early = set(exits), [cost.name for cost in self.early]
        if unknown := sorted(wanted.difference(early)):
            what = "rests on the whole network" if unknown[0] in self._names else "is not there"
            raise ValueError(
                f"{self._name} cannot stop at {unknown[0]}, which {what}: choose among "
                f"{', '.join(early)}"
            )
        return [*(name for name in early if name in wanted), "network"]

    def _cost(self, names: Iterable[str]) -> int:
        nodes = frozenset[fx.Node]().union(*(self._behind[name] for name in names))
        return sum(self._macs.get(node, 0) for node in nodes)

    def _image(self, count: int) -> Float[Tensor, "count channels height width"]:
        return probe_image(self.method, self.method.backbone.input_size, count=count)

    def _check(self, divided: StagewiseNetwork) -> None:
        """Compare with the whole method, while images leave after every stage."""
        images = self._image(len(divided.exits) + 1)
        with evaluating(self.method), torch.no_grad():
            whole = self.method.inspect(images).exits
            carried: tuple[Tensor, ...] = (images,)
            for number, (name, stage) in enumerate(zip(divided.exits, divided.stages, strict=True)):
                logits, *rest = stage(*carried)
                expected = whole[name][number:]
                bound = TOLERANCE * float(expected.abs().max())
                if not torch.allclose(logits, expected, rtol=0, atol=bound):
                    raise ValueError(
                        f"{type(self.method.backbone.network).__name__} cannot be run stage by "
                        f"stage: its {name} answers differently then"
                    )
                carried = divided.keep(rest, torch.arange(len(logits), device=logits.device) > 0)


class _Exits(nn.Module):
    """What is traced: images in, logits of all exits out."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.method.inspect(images).exits.values())


def _trace(method: Method) -> tuple[fx.GraphModule, tuple[str, ...]]:
    """The method as a graph of operations that change nothing, and its exits' names."""
    images = probe_image(method, method.backbone.input_size, count=2)
    names = tuple(method.inspect(images).exits)
    try:
        program = export(_Exits(method), (images,), dynamic_shapes=({0: Dim.DYNAMIC},))
        module = program.module(check_guards=False)
        if not all(_make_functional(node) for node in module.graph.nodes):
            module = program.run_decompositions({}).module(check_guards=False)
    except Exception as error:  # a network of anybody's raises anything
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{type(method.backbone.network).__name__} cannot be run stage by stage: torch.export "
            f"does not trace it ({type(error).__name__}: {reason})"
        ) from error
    assert isinstance(module, fx.GraphModule)
    return module, names


def _make_functional(node: fx.Node) -> bool:
    """Let an operation leave its input as it is; False where something else sees the change.

    Most change what nothing else uses, such as ``nn.ReLU(inplace=True)``. The decomposition that
    treats the others takes longer than the rest of tracing.
    """
    schema = _schema_of(node)
    if schema is None or not schema.is_mutable:
        return True
    changed = node.args[0] if node.args else None
    made_by = _schema_of(changed) if isinstance(changed, fx.Node) else None
    packet = getattr(torch.ops.aten, schema.name.removeprefix("aten::").removesuffix("_"), None)
    operation = getattr(packet, schema.overload_name or "default", None)
    if (
        not isinstance(changed, fx.Node)
        or set(changed.users) != {node}
        or made_by is None
        or any(value.alias_info is not None for value in made_by.returns)  # a view of something
        or operation is None
    ):
        return False
    node.target = operation
    return True


def _schema_of(node: fx.Node) -> torch.FunctionSchema | None:
    operation = node.target if node.op == "call_function" else None
    if not isinstance(operation, torch._ops.OpOverload):  # pyright: ignore[reportPrivateUsage]
        return None
    return operation._schema  # pyright: ignore[reportPrivateUsage]


def _macs_by_node(module: fx.GraphModule, image: Tensor) -> dict[fx.Node, int]:
    """Multiply-adds of one image in every operation, as ``FlopCounterMode`` counts them."""
    from torch.utils.flop_counter import FlopCounterMode  # imports triton

    counter, macs = FlopCounterMode(display=False), dict[fx.Node, int]()

    class Counting(fx.Interpreter):
        def run_node(self, n: fx.Node) -> object:
            before = counter.get_total_flops()
            result = super().run_node(n)
            macs[n] = (counter.get_total_flops() - before) // 2
            return result

    with counter:
        Counting(module).run(image)
    return macs
