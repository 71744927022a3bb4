"""The contract battery: the laws that every method keeps, whatever its equation."""

import io
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ..methods import Method, Output
from .gradients import check_reaches
from .tiny import TinyBackbone
from .trial import (
    BATCH,
    Build,
    backward,
    call,
    close,
    draw,
    gradients,
    make,
    require,
    require_same_terms,
    train,
)

ORDER = (3, 7, 0, 5, 1, 6, 2, 4)


def check_method(build: Build, *, reaches: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Run every check on a method.

    Args:
        build: The method's class, or a ``functools.partial`` of it.
        reaches: For each term the names of the modules or parameters that it trains, as
            :func:`check_reaches` takes them: the only check that can find a lost ``detach``.

    Raises:
        AssertionError: If the method breaks its contract; names the check and the fault.
        ValueError: If it is not a class or function that makes a method.

    Examples:
        >>> check_method(MyMethod, reaches={"labels": ("backbone",)})
    """
    if isinstance(build, Method) or not callable(build):  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = f"a {type(build).__name__}"
        raise ValueError(f"build is {kind}: give a method's class, or a functools.partial of it")

    def reaches_as_declared(build: Build) -> None:
        check_reaches(build, reaches or {})

    for check in (*CHECKS, reaches_as_declared):
        try:
            check(build)
        except Exception as fault:
            raise AssertionError(f"{check.__name__}: {' '.join(str(fault).split())}") from fault


def finite(build: Build) -> None:
    """In single precision terms, logits and gradients are finite; the batch stays as it was."""
    method = make(build).float()
    batch = draw(method, torch.float32)
    images, labels = batch.images.clone(), batch.labels.clone()
    backward(method, call(method, batch))
    unchanged = torch.equal(images, batch.images) and torch.equal(labels, batch.labels)
    require(unchanged, "the images or labels that it was given were changed in place")


def double_precision(build: Build) -> None:
    """In double precision terms, logits and gradients are finite, and stay double."""
    method = make(build)
    output = call(method, draw(method))
    backward(method, output)
    lost = [name for name, term in output.terms.items() if term.dtype != torch.float64]
    require(not lost, f"terms {lost} lost their double precision")


def half_precision(build: Build) -> None:
    """Under bfloat16 autocast the losses are computed in single precision, and agree with it."""
    method = make(build).float()
    batch = draw(method, torch.float32)
    expected = call(make(build).float(), batch)
    with torch.autocast("cpu", torch.bfloat16):
        output = call(method, batch)
    backward(method, output)
    for name, term in output.terms.items():
        require(term.dtype == torch.float32, f"term {name!r} is computed in {term.dtype}")
        difference = abs(term.item() - expected.terms[name].item())
        allowed = 0.1 * abs(expected.loss.item())
        require(difference <= allowed, f"term {name!r} moves by {difference:.3g} in bfloat16")


def loss_is_the_sum_of_its_terms(build: Build) -> None:
    """What is logged is what is trained."""
    method = make(build)
    output = call(method, draw(method))
    require(bool(output.terms), "there are no terms")
    for name, term in output.terms.items():
        require(name.isidentifier(), f"{name!r} is no name for a term: use snake_case")
        require(term.ndim == 0, f"term {name!r} has shape {tuple(term.shape)}: it must be a scalar")
    loss, total = output.loss.item(), sum(term.item() for term in output.terms.values())
    require(abs(loss - total) <= 1e-9 * abs(total), f"loss is {loss}, its terms sum to {total}")
    kind = type(output).__name__
    require(type(output) is Output, f"forward returns {kind}: return Output itself")


def logits_are_the_networks(build: Build) -> None:
    """The logits are what the deployed network says of the first view."""
    method = make(build).eval()
    batch = draw(method)
    logits = call(method, batch).logits
    shape = (BATCH, method.backbone.num_classes)
    require(logits.shape == shape, f"logits have shape {tuple(logits.shape)}, expected {shape}")
    expected = method.backbone.network(batch.first_view)
    require(close(logits, expected), "logits differ from the network's for the first view")


def every_parameter_learns(build: Build) -> None:
    """By the second step every trainable parameter has had a gradient."""
    method = make(build)
    batch = draw(method)
    idle = {name for name, p in method.named_parameters() if p.requires_grad}
    for _ in range(2):
        train(method, batch, 1)
        idle -= {name for name, value in gradients(method).items() if bool(value.any())}
    require(not idle, f"trainable parameters without gradient: {sorted(idle)}")


def frozen_parameters_stay(build: Build) -> None:
    """What was frozen in the backbone stays frozen."""
    backbone = TinyBackbone()
    stage = backbone.network.blocks[0].requires_grad_(False)
    method = make(build, backbone=backbone)
    before = [parameter.clone() for parameter in stage.parameters()]
    train(method, draw(method), 2)
    for parameter, value in zip(stage.parameters(), before, strict=True):
        same = torch.equal(parameter, value) and not parameter.requires_grad
        require(same, "a frozen parameter was trained")


def backbone_is_untouched(build: Build) -> None:
    """Wrapped and trained, the network keeps its keys and layers, and can be deployed alone."""
    backbone = TinyBackbone().eval()
    images = torch.rand(2, *backbone.input_size)
    architecture, keys = repr(backbone.network), list(backbone.state_dict())
    before = backbone(images)
    method = build(backbone)
    require(method.backbone is backbone, "method.backbone is not the backbone that it was given")
    require(close(backbone.eval()(images), before), "wrapping changes the network's output")
    batch = draw(method)
    train(method.double().train(), batch, 2)
    require(list(backbone.state_dict()) == keys, "the network's state has other keys than before")
    require(repr(backbone.network) == architecture, "the network's layers are not those of before")
    deployed = TinyBackbone().double().eval()
    deployed.network.load_state_dict(method.backbone.network.state_dict())
    logits = call(method.eval(), batch).logits
    require(close(deployed(batch.first_view), logits), "the deployed network gives other logits")


def order_is_irrelevant(build: Build) -> None:
    """Another order of the batch's images gives the same terms, and is remembered as the same."""
    method, other = make(build), make(build)
    batch = draw(method)
    for trained in (method, other):
        train(trained, batch, 1)  # what a method remembers of its images is no longer blank
    for order in (ORDER, range(BATCH)):
        expected, output = call(method, batch), call(other, batch.rows(order))
        require_same_terms(output, expected, "the batch's order")
        same = close(output.logits, expected.logits[list(order)])
        require(same, "the batch's order changes the logits")


def fits_one_batch(build: Build) -> None:
    """Twenty steps on one batch take a third off the network's cross-entropy."""
    method = make(build)
    batch = draw(method)
    before = cross_entropy(call(method, batch).logits, batch.labels).item()
    train(method, batch, 20)
    after = cross_entropy(call(method, batch).logits, batch.labels).item()
    require(after < before * 2 / 3, f"cross-entropy goes from {before:.3g} to {after:.3g}")


def state_round_trips(build: Build) -> None:
    """A fresh method with a trained one's saved state computes the same bits, and goes on so."""
    method, fresh = make(build), make(build, seed=1)
    batch = draw(method)
    train(method, batch, 2)
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for training in (False, True, True):  # the last with what the one before left in memory
        expected, output = (call(one.train(training), batch) for one in (method, fresh))
        mode = "training" if training else "evaluation"
        for name, term in expected.terms.items():
            same = torch.equal(output.terms[name], term)
            require(same, f"loaded into a fresh method term {name!r} differs in {mode}")
        same = torch.equal(output.logits, expected.logits)
        require(same, f"loaded into a fresh method the logits differ in {mode}")


def soft_labels_work(build: Build) -> None:
    """Labels as probabilities, all on one class, give the same terms as class indices."""
    method = make(build)
    batch = draw(method)
    soft = batch._replace(labels=one_hot(batch.labels, method.backbone.num_classes).double())
    require_same_terms(call(method, soft), call(make(build), batch), "a soft label")


def weights_count(build: Build) -> None:
    """Labels times 0 take an image out of term ``labels``, labels times 2 count it twice."""
    method = make(build).eval()
    batch = draw(method)
    rows = one_hot(batch.labels, method.backbone.num_classes).double()
    if "labels" not in call(method, batch).terms:
        return

    def labelled(weights: Tensor, images: Tensor = batch.images) -> Tensor:
        weighted = batch._replace(images=images, labels=rows * weights[:, None])
        return call(method, weighted).terms["labels"]

    first = torch.arange(BATCH) == 0
    others, changed = (~first).double(), batch.images.clone()
    changed.select(-4, 0).neg_()
    same = close(labelled(others, changed), labelled(others))
    require(same, "an image of weight 0 changes term 'labels': use losses.cross_entropy(z, labels)")
    twice = labelled(2 * first + others)
    same = close(twice, labelled(first.double()) + labelled(torch.ones_like(others)))
    require(same, "an image of weight 2 does not count twice in term 'labels'")


def inspection_is_well_formed(build: Build) -> None:
    """``inspect`` shows the network first, logits of one shape, and shares that sum to one."""
    method = make(build).eval()
    images = draw(method).first_view
    exits, attention = method.inspect(images)
    require(next(iter(exits), None) == "network", f"exits are {list(exits)}: 'network' comes first")
    require(close(exits["network"], method.backbone(images)), "'network' is not what it says")
    shape = (BATCH, method.backbone.num_classes)
    wrong = [name for name, logits in exits.items() if logits.shape != shape]
    require(not wrong, f"logits of {wrong} are not of shape {shape}")
    if attention is not None:
        good = attention.ndim == 2 and len(attention) == BATCH and bool((attention >= 0).all())
        require(good, "attention must be (batch, stages), not negative")
        sums = attention.sum(1)
        require(close(sums, torch.ones_like(sums)), "an image's attention does not sum to one")


def memory_is_well_formed(build: Build) -> None:
    """What is remembered fits half precision, and one image's row does not depend on another's."""
    method = make(build)
    if not method.remembers:
        return
    require(method.needs_context, "what it remembers comes with a context: set needs_context")
    batch = draw(method)
    logits, memory = call(method, batch).logits.detach(), batch.context.remembered()
    for before in (torch.zeros_like(memory), memory):
        rows = method.remember(before, logits)
        require(rows.shape == memory.shape, f"it remembers rows of shape {tuple(rows.shape)}")
        require(bool(rows.half().isfinite().all()), "it remembers what half precision cannot hold")
        require(close(method.remember(before[2:], logits[2:]), rows[2:]), "rows mix images")


CHECKS = (
    finite,
    double_precision,
    half_precision,
    loss_is_the_sum_of_its_terms,
    logits_are_the_networks,
    every_parameter_learns,
    frozen_parameters_stay,
    backbone_is_untouched,
    order_is_irrelevant,
    fits_one_batch,
    state_round_trips,
    soft_labels_work,
    weights_count,
    inspection_is_well_formed,
    memory_is_well_formed,
)
"""Every check of a single process; each takes a :data:`Build` and raises AssertionError."""
