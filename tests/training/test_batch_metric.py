"""The accuracy of a mini-batch."""

import pytest
import torch

from layergraph.training.batch_metric import accuracy


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_first_of_equal_scores_is_the_prediction_as_by_argmax(dtype, memory_format):
    torch.manual_seed(0)
    scores = torch.randint(0, 2, (3, 4, 9, 10)).to(dtype)
    scores[0, 2, 0], scores[0, 3, 0] = torch.nan, torch.nan
    scores = scores.contiguous(memory_format=memory_format)
    assert accuracy(scores, scores.argmax(dim=1), 255) == 100
