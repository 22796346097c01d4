"""train_network from end to end."""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from layergraph import (
    ClassificationLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    SoftmaxLayer,
    load,
)
from layergraph.builders import segnet_layers, unet_layers
from layergraph.data import combine, triangle_images
from layergraph.network.network import Network
from layergraph.training import TrainingInfo


def state(net):
    return {key: tensor.clone() for key, tensor in net.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(one[key].equal(other[key]) for key in one)


def test_result_is_a_network_that_can_be_used_and_saved(tmp_path, train):
    data = combine(*triangle_images(tmp_path / "set", 6))
    net, info = train(data, segnet_layers((32, 32, 1), 2, 1))
    assert isinstance(net, Network)
    assert isinstance(info, TrainingInfo)
    assert not any(module.training for module in net.modules())
    assert net.classes == ("triangle", "background")
    net.layer_graph().save(tmp_path / "net.safetensors")
    loaded = load(tmp_path / "net.safetensors").compile()
    image = data[0][0]
    np.testing.assert_array_equal(net.predict(image), loaded.predict(image))
    assert {str(t.device) for t in net.state_dict().values()} == {"cpu"}


def test_training_learns(tiny, pairs, train):
    _, info = train(pairs(16), tiny(), initial_learn_rate=0.1, max_epochs=40)
    assert info.training_loss[-1] < 0.6 * info.training_loss[0]
    assert info.training_accuracy[-1] > 75


def test_info(tiny, pairs, train):
    _, info = train(pairs(9), tiny(), max_epochs=3)
    assert len(info.training_loss) == len(info.training_accuracy) == len(info.base_learn_rate) == 6
    assert set(info.base_learn_rate) == {0.01}
    assert info.epochs == [1, 1, 2, 2, 3, 3]
    assert sorted(info.time_since_start) == info.time_since_start
    assert info.output_network_iteration == 6
    keys = ["training_loss", "training_accuracy", "base_learn_rate", "stop_reason"]
    assert [*info.to_dict()] == [*keys, "epochs", "time_since_start", "output_network_iteration"]
    assert info.stop_reason == "Max epochs completed."


def test_the_first_loss_is_that_of_the_initial_weights(tiny, pairs, train):
    net, data = tiny().compile(), pairs(4)
    images = torch.stack([torch.from_numpy(image).movedim(-1, 0) for image, _ in data])
    targets = torch.stack([torch.from_numpy(target) for _, target in data])
    expected = net.loss(images, targets).item()
    _, info = train(data, net)
    assert info.training_loss[0] == pytest.approx(expected, rel=1e-6)


def test_a_seed_decides_everything(train):
    def once(seed):
        lgraph = unet_layers((16, 16, 1), 2, encoder_depth=1, num_first_encoder_filters=2)
        rng = np.random.default_rng(0)
        data = [(rng.integers(0, 255, (16, 16, 1), np.uint8), np.eye(16, dtype=np.uint8)) for _ in range(6)]
        net, info = train(data, lgraph, seed=seed, max_epochs=3, shuffle="every-epoch")
        return state(net), info

    (first, info), (second, again), (third, _) = once(3), once(3), once(4)
    assert same(first, second)
    assert info == again
    assert not same(first, third)


def test_a_seed_leaves_the_random_states_alone(tiny, pairs, train):
    before = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    train(pairs(), tiny())
    assert torch.get_rng_state().equal(before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


def test_without_a_seed_torchs_generator_decides(tiny, pairs, train):
    with torch.random.fork_rng([]):
        results = []
        for _ in range(2):
            torch.manual_seed(11)
            results.append(state(train(pairs(), tiny(), seed=None)[0]))
        assert same(*results)
        assert not same(results[0], state(train(pairs(), tiny(), seed=None)[0]))


def test_training_continues_from_attached_weights(tiny, pairs, train):
    """Two trainings of one epoch equal one of two epochs if the solver has no memory."""
    settings = {"momentum": 0, "shuffle": "never"}
    lgraph = tiny("zerocenter").compile().layer_graph()
    whole, _ = train(pairs(), lgraph, max_epochs=2, **settings)
    half, _ = train(pairs(), lgraph, **settings)
    rest, _ = train(pairs(), half.layer_graph(), **settings)
    assert same(state(whole), state(rest))
    again, _ = train(pairs(), half, **settings)
    assert same(state(again), state(rest))


def test_the_objects_of_the_user_stay_unchanged(tiny, pairs, train):
    lgraph, data = tiny("zerocenter", batch_norm=True), pairs()
    net = lgraph.compile()
    before, copies = state(net), [(image.copy(), target.copy()) for image, target in data]
    train(data, net)
    train(data, lgraph)
    assert same(state(net), before)
    assert net.training
    assert lgraph == tiny("zerocenter", batch_norm=True)
    for pair, copy in zip(data, copies, strict=True):
        assert all(map(np.array_equal, pair, copy))


def test_incomplete_mini_batches_are_dropped(tiny, pairs, train):
    read = []

    class Reads(list):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    _, info = train(Reads(pairs(7)), tiny(), mini_batch_size=3, max_epochs=2, shuffle="never")
    assert len(info.training_loss) == 4
    assert read == [0, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]


def test_a_set_smaller_than_a_mini_batch(tiny, pairs, train):
    _, info = train(pairs(3), tiny(), mini_batch_size=128, max_epochs=2)
    assert len(info.training_loss) == 2


def test_classes_of_the_layer_and_its_weights_stay(tmp_path, train):
    data = combine(*triangle_images(tmp_path, 4))
    layer = PixelClassificationLayer(
        name="pixelLabels", classes=["triangle", "background"], class_weights=[9, 1]
    )
    net, _ = train(data, segnet_layers((32, 32, 1), 2, 1).replace_layer("pixelLabels", layer))
    assert net.layer_graph()["pixelLabels"] == layer


def test_data_without_class_names(tiny, pairs, train):
    assert train(pairs(), tiny())[0].classes is None


def test_classification(train):
    layers = [ImageInputLayer((4, 4, 1)), FullyConnectedLayer(2), SoftmaxLayer(), ClassificationLayer()]
    rng = np.random.default_rng(0)
    data = [(rng.normal(label, 0.1, (4, 4)), label) for label in (0, 1) * 4]
    net, info = train(data, LayerGraph(layers), initial_learn_rate=0.5, max_epochs=20, mini_batch_size=8)
    assert info.training_accuracy[-1] == 100
    assert net.predict(np.ones((4, 4), np.float32)).argmax() == 1


def test_a_dataset_of_torch(tiny, pairs, train):
    class Pairs(torch.utils.data.Dataset):
        def __init__(self):
            self.pairs = pairs()

        def __len__(self):
            return len(self.pairs)

        def __getitem__(self, index):
            return self.pairs[index]

    data = torch.utils.data.Subset(Pairs(), [0, 2, 4])
    assert len(train(data, tiny())[1].training_loss) == 1


def test_a_labeling_of_one_channel_and_unwritable_images(tiny, pairs, train):
    data = [(image[..., 0], target[..., None].astype(np.int64)) for image, target in pairs()]
    for pair in data:
        for array in pair:
            array.flags.writeable = False
    train(data, tiny())


def interrupting(pairs, at):
    """Data that raises Ctrl-C at its read number ``at``."""

    class Interrupting(list):
        reads = 0

        def __getitem__(self, index):
            type(self).reads += 1
            if type(self).reads in at:
                os.kill(os.getpid(), signal.SIGINT)
            return super().__getitem__(index)

    return Interrupting(pairs)


@pytest.fixture
def ctrl_c():
    """Python's own handler: a shell starts background processes without one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_training_after_the_iteration(tiny, pairs, train, capsys):
    net, info = train(
        interrupting(pairs(4), at=[11]),
        tiny(batch_norm=True),
        max_epochs=1000,
        verbose=True,
        verbose_frequency=900,
    )
    assert len(info.training_loss) == 3
    assert info.stop_reason == "Stopped manually."
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "Training finished: Stopped manually."
    assert out[-3].startswith("|       3 |           3 |")
    assert not net.training
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_ends_at_once(tiny, pairs, train):
    with pytest.raises(KeyboardInterrupt):
        train(interrupting(pairs(4), at=[11, 12]), tiny(), max_epochs=1000)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_data_is_the_users_own(tiny, pairs, train):
    class Broken(list):
        def __getitem__(self, index):
            if index == 3:
                raise OSError("the disk is gone")
            return super().__getitem__(index)

    with pytest.raises(OSError, match=r"^the disk is gone$"):
        train(Broken(pairs()), tiny())


def test_the_import_needs_neither_torch_nor_lightning():
    code = "import sys, layergraph.training; print([n for n in ('torch', 'lightning') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.slow
def test_a_separate_process_prints_only_the_log(tmp_path):
    code = """
import sys
from layergraph.builders import segnet_layers
from layergraph.data import combine, triangle_images
from layergraph.training import TrainingOptions, train_network
data = combine(*triangle_images(sys.argv[1], 4))
train_network(data, segnet_layers((32, 32, 1), 2, 1), TrainingOptions("adam", max_epochs=1, device="cpu"))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "set")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == 9


def test_a_network_in_double_trains_in_double(tiny, train):
    """In float32, a difference of 0.1 vanishes in an image of 1e8."""
    random = np.random.default_rng(0)
    data = [(1e8 + random.normal(0, 0.1, (6, 6, 1)), np.eye(6, dtype=np.uint8)) for _ in range(4)]
    net = tiny("zerocenter", batch_norm=True).compile().double()
    trained, info = train(data, net)
    assert {t.dtype for t in trained.state_dict().values() if t.is_floating_point()} == {torch.float64}
    images = torch.stack([torch.from_numpy(image).movedim(-1, 0) for image, _ in data])
    targets = torch.stack([torch.from_numpy(target) for _, target in data])
    with torch.no_grad():
        net.layer_module("image").mean[:] = images.mean()
    assert info.training_loss == [pytest.approx(net.loss(images, targets).item(), rel=1e-6)]
    seen = trained.activations(images, "conv1")
    variance = trained.state_dict()["bn.running_var"]
    torch.testing.assert_close(variance, seen.var((0, 2, 3), correction=0), rtol=1e-6, atol=0)
