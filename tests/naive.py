"""Layers computed by plain loops over NumPy arrays (batch, channels, height, width, ...).

They are slow on purpose: they share no idea with the library or with the kernels of torch, so that no mistake
is in both.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np


def same_pads(shape, window, stride, dilation):
    """Padding with which ceil(n / stride) windows fit; an odd row is at the end."""
    pads = []
    for n, k, s, d in zip(shape, window, stride, dilation, strict=True):
        total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads.append((total // 2, (total + 1) // 2))
    return pads


def positions(shape, window, stride, dilation, pads):
    """Yield each output position with the coordinates in the unpadded image that its window reads."""
    counts = []
    for n, k, s, d, (before, after) in zip(shape, window, stride, dilation, pads, strict=True):
        count = 0
        while count * s + (k - 1) * d + 1 <= n + before + after:
            count += 1
        counts.append(count)
    for out in itertools.product(*map(range, counts)):
        taps = []
        for tap in itertools.product(*map(range, window)):
            at = tuple(
                o * s + t * d - p[0] for o, s, t, d, p in zip(out, stride, tap, dilation, pads, strict=True)
            )
            inside = all(0 <= a < n for a, n in zip(at, shape, strict=True))
            taps.append((tap, at, inside))
        yield out, taps, counts


def convolution(x, weight, bias, stride, pads, dilation, groups=1, value=0.0):
    batch, channels, *shape = x.shape
    filters, per_group, *window = weight.shape
    result = None
    for out, taps, counts in positions(shape, window, stride, dilation, pads):
        if result is None:
            result = np.zeros((batch, filters, *counts))
        for b in range(batch):
            for f in range(filters):
                first = f // (filters // groups) * per_group
                total = bias[f]
                for tap, at, inside in taps:
                    for c in range(per_group):
                        total += weight[(f, c, *tap)] * (x[(b, first + c, *at)] if inside else value)
                result[(b, f, *out)] = total
    assert channels == per_group * groups
    return result


def transposed_convolution(x, weight, bias, stride, crops):
    batch, channels, *shape = x.shape
    _, filters, *window = weight.shape
    full = [s * (n - 1) + k for s, n, k in zip(stride, shape, window, strict=True)]
    wide = [max(n, n - after) for n, (_, after) in zip(full, crops, strict=True)]
    canvas = np.zeros((batch, filters, *wide))
    for b, c, f in itertools.product(range(batch), range(channels), range(filters)):
        for at in itertools.product(*map(range, shape)):
            for tap in itertools.product(*map(range, window)):
                to = tuple(a * s + t for a, s, t in zip(at, stride, tap, strict=True))
                canvas[(b, f, *to)] += x[(b, c, *at)] * weight[(c, f, *tap)]
    for f in range(filters):
        canvas[:, f] += bias[f]
    inside = tuple(slice(before, n - after) for n, (before, after) in zip(full, crops, strict=True))
    return canvas[(slice(None), slice(None), *inside)]


def max_pooling(x, window, stride, pads, dilation=(1, 1, 1)):
    """The maxima and their positions, counted row by row in the unpadded image."""
    batch, channels, *shape = x.shape
    out_values = out_indices = None
    for out, taps, counts in positions(shape, window, stride, dilation[: len(shape)], pads):
        if out_values is None:
            out_values = np.full((batch, channels, *counts), -np.inf)
            out_indices = np.full((batch, channels, *counts), -1)
        for b, c in itertools.product(range(batch), range(channels)):
            for _, at, inside in taps:
                if inside and x[(b, c, *at)] > out_values[(b, c, *out)]:
                    out_values[(b, c, *out)] = x[(b, c, *at)]
                    out_indices[(b, c, *out)] = np.ravel_multi_index(at, shape)
    return out_values, out_indices


def average_pooling(x, window, stride, pads, padding_counts=True):
    batch, channels, *shape = x.shape
    result = None
    for out, taps, counts in positions(shape, window, stride, [1] * len(shape), pads):
        if result is None:
            result = np.zeros((batch, channels, *counts))
        inside = [at for _, at, is_inside in taps if is_inside]
        for b, c in itertools.product(range(batch), range(channels)):
            total = sum(x[(b, c, *at)] for at in inside)
            result[(b, c, *out)] = total / (len(taps) if padding_counts else len(inside))
    return result


def max_unpooling(values, indices, shape):
    batch, channels = values.shape[:2]
    result = np.zeros((batch, channels, *shape))
    for at in np.ndindex(values.shape):
        row, column = divmod(indices[at], shape[1])
        result[at[0], at[1], row, column] = values[at]
    return result


def resize(x, shape, method, geometry, rounding):
    for axis, size in zip((2, 3), shape, strict=True):
        x = _resize_axis(x, axis, size, method, geometry, rounding)
    return x


def _resize_axis(x, axis, size, method, geometry, rounding):
    """By exact fractions: the position of output pixel i in the input, then the value at this position."""
    length = x.shape[axis]
    rows = []
    for i in range(size):
        if geometry == "half-pixel":
            position = (i + Fraction(1, 2)) * Fraction(length, size) - Fraction(1, 2)
        else:
            position = i * Fraction(length, size)
        if method == "nearest":
            rounded = {
                "round": math.floor(position + Fraction(1, 2)),
                "floor": math.floor(position),
                "onnx-10": math.ceil(position) if size < length else math.floor(position),
            }[rounding]
            rows.append(np.take(x, min(max(rounded, 0), length - 1), axis))
        else:
            position = min(max(position, Fraction(0)), Fraction(length - 1))
            low = math.floor(position)
            high = min(low + 1, length - 1)
            share = float(position - low)
            rows.append(np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share)
    return np.stack(rows, axis)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(probabilities, target, weights=None, unlabeled=255):
    """-(1/N) Σ w ln(y), N the number of labeled pixels; 0 where there are none."""
    total, labeled = 0.0, 0
    for at in np.ndindex(target.shape):
        true_class = int(target[at])
        if true_class == unlabeled:
            continue
        labeled += 1
        weight = 1.0 if weights is None else weights[true_class]
        total -= weight * math.log(max(probabilities[(at[0], true_class, *at[1:])], 1e-300))
    return total / labeled if labeled else 0.0


def cross_channel(x, window, alpha, beta, k):
    """MATLAB's window: floor((window - 1) / 2) channels before, floor(window / 2) after."""
    result = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        total = 0.0
        for channel in range(at[1] - (window - 1) // 2, at[1] + window // 2 + 1):
            if 0 <= channel < x.shape[1]:
                total += x[(at[0], channel, *at[2:])] ** 2
        result[at] = x[at] / (k + alpha * total / window) ** beta
    return result
