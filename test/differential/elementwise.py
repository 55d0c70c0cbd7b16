"""Binary and unary commands and their derivatives. One IEEE operation is one right value: NumPy's in the same type."""

import numpy as np

from call import Exact, Near, formula


def pair(c):
    """a and b as the views that broadcasting aligns."""
    shape, (ma, mb) = c.n[:6], c.n[6:]
    return [c.raw(k).reshape([1 if mask >> i & 1 else d for i, d in enumerate(shape)]) for k, mask in (("a", ma), ("b", mb))]


def full(c, value):
    return np.broadcast_to(value, c.n[:6])


@formula
def add(c):
    return {"y": Exact(full(c, np.add(*pair(c))))}


@formula
def subtract(c):
    return {"y": Exact(full(c, np.subtract(*pair(c))))}


@formula
def multiply(c):
    return {"y": Exact(full(c, np.multiply(*pair(c))))}


@formula
def divide(c):
    return {"y": Exact(full(c, np.divide(*pair(c))))}


@formula
def maximum(c):
    return {"y": Exact(full(c, np.maximum(*pair(c))), zeros=False)}


@formula
def minimum(c):
    return {"y": Exact(full(c, np.minimum(*pair(c))), zeros=False)}


@formula
def greater(c):
    return {"y": Exact(full(c, np.greater(*pair(c)).astype(c.T.type)))}


@formula
def where(c):
    return {"y": Exact(np.where(c.raw("c") != 0, c.raw("a"), c.raw("b")))}


@formula
def maximumGrad(c):
    dy, a, b = c.raw("dy"), c.raw("a"), c.raw("b")
    return {"y": Exact(np.where(a > b, dy, np.where(a == b, dy / c.T.type(2), c.T.type(0))), zeros=False)}


@formula
def negate(c):
    return {"y": Exact(np.negative(c.raw("x")))}


@formula
def sqrt(c):
    return {"y": Exact(np.sqrt(c.raw("x")))}


@formula
def square(c):
    return {"y": Exact(np.square(c.raw("x")))}


@formula
def abs_(c):
    return {"y": Exact(np.abs(c.raw("x")))}


@formula
def relu(c):
    return {"y": Exact(np.maximum(c.raw("x"), c.T.type(0)) + c.T.type(0))}  # + 0: relu(-0) is +0


@formula
def leakyRelu(c):
    x = c.raw("x")
    return {"y": Exact(np.where(x < 0, c.scalar(0) * x, x))}


@formula
def clip(c):
    return {"y": Exact(np.clip(c.raw("x"), c.scalar(0), c.scalar(1)), zeros=False)}


@formula
def scale(c):
    return {"y": Exact(c.scalar(0) * c.raw("x") + c.scalar(1))}


@formula
def exp(c):
    y = np.exp(c["x"])
    return {"y": Near(y, c.ulp(y) + np.where(y < c.tiny, c.tiny, 0))}  # flushed where it would be denormal


@formula
def log(c):
    y = np.log(c["x"])
    return {"y": Near(y, c.ulp(y))}


@formula
def tanh(c):
    y = np.tanh(c["x"])
    return {"y": Near(y, 2.6 * c.ulp(y))}


def logistic(x):
    return 1 / (1 + np.exp(-x))


@formula
def sigmoid(c):
    y = logistic(c["x"])
    return {"y": Near(y, 2.5 * c.ulp(y) + np.where(y < c.tiny * 4, c.tiny * 4, 0))}


@formula
def sigmoidGrad(c):
    dx = c["dy"] * (c["v"] * (1 - c["v"]))
    return {"dx": Near(dx, 3 * c.u * np.abs(dx) + np.abs(c["dy"]) * c.tiny * c.u)}


@formula
def tanhGrad(c):
    dy, y = c["dy"], c["v"]
    slope = 1 - y * y
    return {"dx": Near(dy * slope, np.abs(dy) * c.u * (y * y + 2 * np.abs(slope)))}


@formula
def sqrtGrad(c):
    dx = c["dy"] / 2 / c["v"]
    return {"dx": Near(dx, 2 * c.u * np.abs(dx) + c.smallest / np.abs(c["v"]))}


@formula
def reluGrad(c):
    return {"dx": Exact(np.where(c.raw("v") > 0, c.raw("dy"), c.T.type(0)))}


@formula
def absGrad(c):
    dy, x = c.raw("dy"), c.raw("v")
    return {"dx": Exact(np.where(x == 0, c.T.type(0), dy * np.sign(x)))}  # 0 at 0, whatever dy


@formula
def leakyReluGrad(c):
    dy = c.raw("dy")
    return {"dx": Exact(np.where(c.raw("v") > 0, dy, c.scalar(0) * dy))}


@formula
def clipGrad(c):
    x = c.raw("v")
    return {"dx": Exact(np.where((c.scalar(0) <= x) & (x <= c.scalar(1)), c.raw("dy"), c.T.type(0)))}
