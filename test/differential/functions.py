"""The package's functions as NumPy writes them: what shapes come out, what values, and derivatives by differences.

How exact each command is, reference.py judges. Here the bound is wide enough for any order of the operations (a wrong
element is far outside of it), and the derivatives of Σ r·f(x) are central differences in the wide type, but for elements
at a corner, where both sides differ.
"""

import numpy as np

from call import Exact, Near, Stub, complaint
from elementwise import logistic

STEP = 1e-6


def reduced(f):
    def call(x, o):
        axes = o.get("axes")
        return f(x[0], axis=tuple(axes) if isinstance(axes, list) else axes, keepdims=o.get("keepDims", False))
    return call


def product(x, o):
    a, b = (v.T if o[k] else v for v, k in zip(x, ("transposeA", "transposeB")))
    return a @ b


def gather(x, o):
    at = o["cursor"]
    return x[0][np.array(o["indices"][at:at + o["count"]], int)]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(logs, o, x):
    """-log of the labels' chances or -Σ t·log, the mean over rows."""
    if "labels" in o:
        return -logs[np.arange(len(logs)), o["labels"]].mean()
    return -(x[1] * logs).sum(-1).mean()


def binary_entropy(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


def right(x, o):
    best = x[0].argmax(-1)
    return (best == (o["labels"] if "labels" in o else x[1].argmax(-1))).mean()


FUNCTIONS = {
    "add": lambda x, o: x[0] + x[1],
    "subtract": lambda x, o: x[0] - x[1],
    "multiply": lambda x, o: x[0] * x[1],
    "divide": lambda x, o: x[0] / x[1],
    "maximum": lambda x, o: np.maximum(x[0], x[1]),
    "minimum": lambda x, o: np.minimum(x[0], x[1]),
    "greater": lambda x, o: np.greater(x[0], x[1]).astype(x[0].dtype),
    "where": lambda x, o: np.where(x[0] > 0, x[1], x[2]),
    "matmul": product,
    "affine": lambda x, o: x[0] @ x[1] + x[2],
    "transpose": lambda x, o: x[0].T,
    "negate": lambda x, o: -x[0],
    "exp": lambda x, o: np.exp(x[0]),
    "log": lambda x, o: np.log(x[0]),
    "sqrt": lambda x, o: np.sqrt(x[0]),
    "square": lambda x, o: x[0] ** 2,
    "abs": lambda x, o: np.abs(x[0]),
    "sigmoid": lambda x, o: logistic(x[0]),
    "sigmoidGrad": lambda x, o: x[0] * x[1] * (1 - x[1]),
    "tanh": lambda x, o: np.tanh(x[0]),
    "relu": lambda x, o: np.maximum(x[0], 0),
    "leakyRelu": lambda x, o: np.where(x[0] < 0, o["slope"] * x[0], x[0]),
    "clip": lambda x, o: np.clip(x[0], o["low"], o["high"]),
    "scale": lambda x, o: o["alpha"] * x[0] + o["beta"],
    "softmax": lambda x, o: softmax(x[0]),
    "logSoftmax": lambda x, o: np.log(softmax(x[0])),
    "sum": reduced(np.sum),
    "mean": reduced(np.mean),
    "max": reduced(np.max),
    "argmax": lambda x, o: x[0].argmax(o["axis"]),
    "reshape": lambda x, o: x[0].reshape(o["shape"]),
    "flatten": lambda x, o: x[0].reshape(len(x[0]), int(np.prod(x[0].shape[1:]))),
    "slice": lambda x, o: np.moveaxis(np.moveaxis(x[0], o["axis"], 0)[o["start"]:o["end"]], 0, o["axis"]),
    "concat": lambda x, o: np.concatenate(x, o["axis"]),
    "gatherRows": gather,
    "copy": lambda x, o: x[0],
    "cast": lambda x, o: x[0],
    "oneHot": lambda x, o: np.eye(o["classes"])[np.array(o["labels"], int)],
    "full": lambda x, o: np.full(o["shape"], o["value"]),
    "meanSquaredError": lambda x, o: ((x[0] - x[1]) ** 2).mean(),
    "meanAbsoluteError": lambda x, o: abs(x[0] - x[1]).mean(),
    "binaryCrossEntropy": lambda x, o: binary_entropy(np.clip(x[0], 1e-7, 1 - 1e-7), x[1]),
    "binaryCrossEntropyFromLogits": lambda x, o: binary_entropy(logistic(x[0]), x[1]),
    "crossEntropy": lambda x, o: entropy(np.log(np.clip(x[0], 1e-7, 1)), o, x),
    "softmaxCrossEntropy": lambda x, o: entropy(np.log(softmax(x[0])), o, x),
    "accuracy": right,
    "binaryAccuracy": lambda x, o: ((x[0] > o["threshold"]) == (x[1] > 0.5)).mean(),
}


def differences(f, inputs, which, r):
    """d Σ r·f / d inputs[which], and where both sides differ."""
    x = inputs[which] = inputs[which].copy()
    here = (r * f()).sum()
    slopes, corners = np.zeros_like(x), np.zeros(x.shape, bool)
    for i in np.ndindex(x.shape):
        at = x[i]
        x[i] = at + STEP
        above = (r * f()).sum()
        x[i] = at - STEP
        below = (r * f()).sum()
        x[i] = at
        slopes[i] = (above - below) / (2 * STEP)
        corners[i] = abs(above - 2 * here + below) / STEP > 1e-2 * max(1, abs(slopes[i]))
    return slopes, corners


class Judgement:
    def __init__(self, header, arrays):
        o, self.call = header["options"], Stub(header["dtype"])
        wide = self.call.wide
        self.arrays = {(where, name): a for (where, name, *_), a in zip(header["arrays"], arrays)}
        inputs = [self.arrays["before", f"x{i}"].astype(wide).reshape(s) for i, s in enumerate(header["shapes"])]
        for k, v in o.get("numbers", {}).items():
            inputs.insert(int(k), wide(v))
        f = lambda: FUNCTIONS[header["function"]](inputs, o)  # noqa: E731
        self.y = np.asarray(f())
        size = sum(np.size(v) for v in inputs)
        roundings = 8 * (size + 10) * self.call.u
        self.expected = {"y": Exact(self.y.astype(np.int32)) if self.y.dtype.kind == "i" else self.near(self.y, roundings)}
        self.corners = {}
        for i in header["gradients"]:
            slopes, self.corners[f"g{i}"] = differences(f, inputs, i, self.arrays["before", "r"].reshape(self.y.shape))
            self.expected[f"g{i}"] = self.near(slopes, roundings + 1e-8)

    def near(self, value, share):
        finite = np.where(np.isfinite(value), np.abs(value), 0)
        return Near(value, np.full(np.shape(value), share * max(1, float(finite.max(initial=0)))))

    def answer(self):
        for (where, name), got in self.arrays.items():
            if where == "before":
                continue
            if name == "shape":
                if list(got) != list(self.y.shape):
                    return {"error": f"{where}: shape {list(got)}, expected {list(self.y.shape)}"}
                continue
            expected = self.expected[name]
            if name in self.corners:
                value = expected.value.reshape(-1)
                got = np.where(self.corners[name].reshape(-1), value, got)
            error, _ = complaint(self.call, name, expected, got)
            if error:
                return {"error": f"{where}: {error}"}
        return {"worst": 0, "corners": int(sum(c.sum() for c in self.corners.values()))}
