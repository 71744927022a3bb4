import copy
from pathlib import Path

import by_hand
import pytest
import torch
from torchvision.transforms.v2.functional import resize

from selfdistill.backbones import create_backbone
from selfdistill.data import Preprocessing
from selfdistill.deployment.model_folder import model_files
from selfdistill.methods import KD
from selfdistill.testing import TinyBackbone, check_reaches
from selfdistill.testing.trial import taught


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_equation(backbone, batch, training, soft):
    teacher = by_hand.randomised(TinyBackbone((3, 4)), training=True)
    method = KD(backbone, teacher=teacher, temperature=2.5, distillation_weight=0.7)
    by_hand.randomised(method, training=training)
    images, labels = batch[0].double(), by_hand.soft(batch[1]) if soft else batch[1]
    z, z_teacher = by_hand.numbers(backbone(images)), by_hand.numbers(teacher.eval()(images))
    expected = {"labels": 0.0, "distillation": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z[b], y) / 6
        expected["distillation"] += 0.7 * by_hand.distillation(z[b], z_teacher[b], 2.5) / 6
    by_hand.assert_terms(method(images, labels), expected)


def test_both_terms_train_the_network():
    check_reaches(taught, {"labels": ("backbone",), "distillation": ("backbone",)})


def test_the_teacher_is_a_copy_and_no_part_of_the_method(backbone, batch):
    method = KD(backbone, teacher=backbone).train()
    before = method.teacher(batch[0])
    assert list(method.state_dict()) == [f"backbone.{name}" for name in backbone.state_dict()]
    assert list(method.parameters()) == list(backbone.parameters())
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    with torch.no_grad():
        backbone.network.head.weight.zero_()
    method(*batch)
    assert torch.equal(method.teacher(batch[0]), before)


def test_training_leaves_the_teacher_as_it_was_in_a_copy_and_another_precision_too(batch):
    method = copy.deepcopy(taught(TinyBackbone())).double().train()
    teacher = method.teacher.backbone
    before = copy.deepcopy(teacher.state_dict())
    images, labels = batch[0].double(), batch[1]
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        method.train()(images, labels).loss.backward()
        optimizer.step()
    assert not any(module.training for module in teacher.modules())
    assert all(value.grad is None for value in teacher.parameters())
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[name])
    assert teacher.network.head.weight.dtype == torch.float64


CLASSES = tuple("abcde")
SEEN = Preprocessing((16, 16), mean=(0.5,) * 3, std=(0.5,) * 3)


def save(folder, teacher, preprocessing=SEEN):
    folder.mkdir(parents=True)
    files = model_files(teacher, classes=CLASSES, preprocessing=preprocessing, origin={})
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(3)
    return create_backbone("small", 5, width=4, image_size=16).eval()


def test_a_saved_network_teaches(batch, tmp_path, teacher):
    save(tmp_path / "model", teacher)
    for path in (tmp_path, tmp_path / "model"):
        method = KD(TinyBackbone(), teacher=path)
        assert method.adapt(CLASSES, SEEN) == ""
        assert method.teacher.conversion is None
        assert torch.equal(method.teacher(batch[0]), teacher(batch[0]))


def test_a_teacher_sees_images_standardised_as_it_was_trained(tmp_path, teacher):
    learned = Preprocessing((16, 16), (0.4, 0.3, 0.2), (0.1, 0.2, 0.3))
    method = KD(TinyBackbone(), teacher=save(tmp_path / "model", teacher, learned)).double()
    said = method.adapt(CLASSES, SEEN)
    assert said == f"teacher {tmp_path / 'model'}: images are standardised as for its training"
    pixels = torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8)
    students, teachers = (seen.standardise(pixels) for seen in (SEEN, learned))
    expected = teacher(teachers)
    for held in (method, copy.deepcopy(method).to(memory_format=torch.channels_last)):
        found = held.teacher(students.double()).float()
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        known = [f"backbone.{name}" for name in method.backbone.state_dict()]
        assert list(held.state_dict()) == known
    assert (expected - teacher(students)).abs().max() > 0.01


def test_a_teacher_sees_images_of_its_own_size(tmp_path):
    larger = create_backbone("small", 5, width=4, image_size=32).eval()
    method = KD(TinyBackbone(), teacher=save(tmp_path / "model", larger))
    images = torch.randn(4, 3, 16, 16)
    scaled = resize(images, [32, 32], antialias=True)
    torch.testing.assert_close(method.teacher(images), larger(scaled))
    assert method.adapt(CLASSES, SEEN).endswith("model: images are scaled to its 32 × 32 pixels")
    torch.testing.assert_close(method.teacher(images), larger(scaled))
    torch.testing.assert_close(KD(TinyBackbone(), teacher=larger).teacher(images), larger(scaled))


def test_the_equation_holds_with_a_teacher_of_other_statistics_and_another_size(tmp_path, batch):
    learned = Preprocessing((24, 24), mean=(0.4, 0.3, 0.2), std=(0.1, 0.2, 0.3), crop_share=0.9)
    teacher = by_hand.randomised(create_backbone("small", 5, width=4, image_size=24), training=True)
    teacher = teacher.eval()
    method = KD(TinyBackbone(), teacher=save(tmp_path / "model", teacher.float(), learned))
    assert method.teacher.preprocessing == learned
    method.adapt(CLASSES, SEEN)
    by_hand.randomised(method, training=False)
    pixels, labels = torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8), batch[1]
    # Another route than converting what the student sees: bytes, scaled, as a teacher's own run.
    own = resize(pixels.double() / 255, [24, 24], antialias=True)
    mean, std = (torch.tensor(values)[:, None, None] for values in learned.statistics)
    images = SEEN.standardise(pixels).double()
    z = by_hand.numbers(method.backbone(images))
    z_teacher = by_hand.numbers(teacher.double()((own - mean) / std))
    expected = {"labels": 0.0, "distillation": 0.0}
    for b, y in enumerate(labels):
        expected["labels"] += by_hand.cross_entropy(z[b], y) / 6
        expected["distillation"] += by_hand.distillation(z[b], z_teacher[b], 4.0) / 6
    terms = method(images, labels).terms
    for name, value in expected.items():
        assert float(terms[name].detach()) == pytest.approx(value, rel=1e-4)


def test_a_teachers_classes_are_found_by_name(batch, tmp_path, teacher):
    method = KD(TinyBackbone(), teacher=save(tmp_path / "model", teacher))
    assert "order" in method.adapt(tuple("cadbe"), SEEN)
    assert torch.equal(method.teacher(batch[0]), teacher(batch[0])[:, [2, 0, 3, 1, 4]])


@pytest.mark.parametrize("classes", [tuple("abcdx"), tuple("vwxyz"), tuple("aabcd")])
def test_a_teacher_of_other_classes_is_refused_by_name(tmp_path, teacher, classes):
    method = KD(TinyBackbone(), teacher=save(tmp_path / "model", teacher))
    with pytest.raises(ValueError, match=r"model was trained on other classes: it does not know"):
        method.adapt(classes, SEEN)


def test_of_a_teacher_without_a_description_that_is_said(backbone):
    assert "not known" in KD(backbone, teacher=TinyBackbone()).adapt(CLASSES, SEEN)


def test_refuses_an_unsuitable_teacher(backbone, tmp_path):
    with pytest.raises(ValueError, match="tells apart 7 classes, the network to train 5"):
        KD(backbone, teacher=TinyBackbone(num_classes=7))
    with pytest.raises(ValueError, match="sees images of 1 channels"):
        KD(backbone, teacher=create_backbone("small", 5, width=4, in_chans=1))
    with pytest.raises(ValueError, match="holds no trained network"):
        KD(backbone, teacher=Path(tmp_path))


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("distillation_weight", -1.0)])
def test_ranges(backbone, name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        KD(backbone, teacher=backbone, **{name: value})
