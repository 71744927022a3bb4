r"""A bidirectional feature pyramid that refines a network's maps into a teacher's.

With :math:`c` a 1 × 1 convolution, batch normalisation and ReLU, :math:`D` two depth-wise separable
3 × 3 convolutions, each module with its own weights, :math:`P_l = c_l(F_l)` and
:math:`P'_l = c'_l(F_l)`:

.. math::
    U_L = P_L, \quad
    U_l = D_l\big(w_1 P_l + w_2\, c(\mathrm{up}(U_{l+1}))\big), \quad
    V_1 = U_1, \quad
    V_l = D'_l\big(w_1 P'_l + w_2 U_l + w_3\, c(\mathrm{down}(V_{l-1}))\big)

without the :math:`U_l` term at :math:`l = L`; every input passes a ReLU first. The refined maps are
:math:`T_l = \mathrm{ReLU}(V_l)`. A fusion's weights :math:`w \ge 0` sum to one.
"""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..backbones import Backbone

Map = Float[Tensor, "batch _ _ _"]


class BiFPNOutput(NamedTuple):
    """What the pyramid makes of a network's maps."""

    maps: tuple[Map, ...]
    """The refined map of each stage, shallow to deep, of the stage's height and width."""
    logits: Float[Tensor, "batch classes"]


class BiFPN(nn.Module):
    """A pyramid that passes information from the deepest stage to the shallowest and back.

    Args:
        backbone: The network whose maps are refined.
        width: Channels of a refined map over those of its stage.
        refinement: D: ``separable`` as above, or ``plain``, one full 3 × 3 convolution.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        width: int = 2,
        refinement: Literal["separable", "plain"] = "separable",
    ) -> None:
        super().__init__()
        inputs, widths = backbone.channels, [width * channels for channels in backbone.channels]
        refine = {"separable": _separable, "plain": _plain}[refinement]
        self.laterals = nn.ModuleList(map(_pointwise, inputs, widths))
        self.second_laterals = nn.ModuleList(map(_pointwise, inputs[1:], widths[1:]))
        self.up = nn.ModuleList(map(_pointwise, widths[1:], widths[:-1]))
        self.down = nn.ModuleList(map(_pointwise, widths[:-1], widths[1:]))
        self.up_fusions = nn.ModuleList(_Fusion(refine(w), inputs=2) for w in widths[:-1])
        self.down_fusions = nn.ModuleList(_Fusion(refine(w), inputs=3) for w in widths[1:-1])
        self.down_fusions.extend(_Fusion(refine(w), inputs=2) for w in widths[-1:])
        self.head = nn.Linear(widths[-1], backbone.num_classes)

    def forward(self, features: tuple[Map, ...]) -> BiFPNOutput:
        """Refine the maps that a backbone shows, and classify the deepest."""
        features = tuple(feature.relu() for feature in features)
        p = [lateral(feature) for lateral, feature in zip(self.laterals, features, strict=True)]
        last = len(p) - 1
        u = [p[last]]
        for stage in reversed(range(last)):
            deeper = F.interpolate(u[0], _size(p[stage]), mode="nearest")
            u.insert(0, self.up_fusions[stage](p[stage], self.up[stage](deeper)))
        v = [u[0]]
        for stage in range(1, last + 1):
            lateral = self.second_laterals[stage - 1](features[stage])
            shallower = self.down[stage - 1](_reduce(v[-1], _size(lateral)))
            inputs = (lateral, shallower) if stage == last else (lateral, u[stage], shallower)
            v.append(self.down_fusions[stage - 1](*inputs))
        return BiFPNOutput(tuple(v), self.head(v[-1].mean((2, 3))))


class _Fusion(nn.Module):
    """A weighted mean of maps, refined."""

    def __init__(self, refine: nn.Sequential, *, inputs: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(inputs))
        self.refine = refine

    def forward(self, *maps: Map) -> Map:
        weights = self.weights.relu()
        weights = weights / (weights.sum() + 1e-6)
        return self.refine(sum(w * m for w, m in zip(weights.unbind(), maps, strict=True)))


def _pointwise(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def _separable(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _plain(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def _size(maps: Map) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]


def _reduce(maps: Map, size: tuple[int, int]) -> Map:
    """3 × 3 max-pooling of stride 2, zero-padded to ``size``; at other ratios adaptive."""
    if _size(maps) == size:
        return maps
    rows, columns = (2 * n + 1 - m for n, m in zip(size, _size(maps), strict=True))
    if min(rows, columns) < 0 or max(rows, columns) > 2:
        return F.adaptive_max_pool2d(maps, size)
    padding = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return F.max_pool2d(F.pad(maps, padding), 3, stride=2)
