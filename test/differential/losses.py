"""Losses, their derivatives, accuracies."""

import numpy as np

from call import Exact, Near, formula
from elementwise import logistic
from matrices import Softmax


def clipped(c, p, high):
    """p within the clip, whose ends are numbers of the command's type, and where it was within."""
    lo, hi = c.wide(c.T.type(1e-7)), c.wide(c.T.type(high))
    return np.clip(p, lo, hi), (p >= lo) & (p <= hi)


def over(values, n):
    return values / np.asarray(n, values.dtype)


@formula
def meanSquaredError(c):
    square = (c["p"] - c["t"]) ** 2
    return {"y": c.mean(square, 3 * c.u * square)}


@formula
def meanSquaredErrorGrad(c):
    difference = 2 * (c["p"] - c["t"])
    dp = over(c["dy"] * difference, c.n[0])
    return {"dp": Near(dp, 4 * c.u * np.abs(dp) + c.smallest * np.abs(difference))}  # dy/n may be denormal


@formula
def binaryCrossEntropy(c):
    t = c["t"]
    q, _ = clipped(c, c["p"], 1 - 1e-7)
    yes, no = np.log(q), np.log(1 - q)
    value = -(t * yes + (1 - t) * no)
    # each logarithm within 1 ULP, of 1 - q rounded; 1 - t rounded; two products and a sum
    bound = c.u * (3 * np.abs(t * yes) + np.abs(1 - t) * (1 + 4 * np.abs(no)) + np.abs(value))
    return {"y": c.mean(value, bound)}


@formula
def binaryCrossEntropyGrad(c):
    q, within = clipped(c, c["p"], 1 - 1e-7)
    slope = (q - c["t"]) / (q * (1 - q))
    dp = np.where(within, over(c["dy"], c.n[0]) * slope, 0)
    return {"dp": Near(dp, 6 * c.u * np.abs(dp) + c.smallest * (np.abs(slope) + 1 / (q * (1 - q))))}


@formula
def binaryCrossEntropyLogits(c):
    x, t = c["x"], c["t"]
    e = np.exp(-np.abs(x))
    first, log = np.maximum(x, 0), np.log1p(e)
    value = first - x * t + log
    # exp within 1 ULP, 1 + e rounded, the logarithm within 1 ULP; a product and two sums
    bound = c.u * ((2 * e + 1 + e) / (1 + e) + 2 * log + np.abs(x * t) + np.abs(first - x * t) + np.abs(value))
    return {"y": c.mean(value, bound)}


@formula
def binaryCrossEntropyLogitsGrad(c):
    p = logistic(c["x"])
    g = over(c["dy"], c.n[0])
    dx = g * (p - c["t"])
    return {"dx": Near(dx, c.u * (np.abs(g) * 5 * p + 4 * np.abs(dx)) + np.abs(g) * 4 * c.tiny + c.smallest)}


def picked(c, values):
    return values.reshape(c.n)[np.arange(c.n[0]), c.raw("t")]


@formula
def crossEntropy(c):
    q, _ = clipped(c, picked(c, c["p"]), 1)
    value = -np.log(q)
    return {"y": c.mean(value, 2 * c.u * value)}


@formula
def crossEntropyGrad(c):
    q, within = clipped(c, picked(c, c["p"]), 1)
    dp = np.zeros(c.n, c.wide)
    dp[np.arange(c.n[0]), c.raw("t")] = np.where(within, -c["dy"] / (c.n[0] * q), 0)
    return {"dp": Near(dp, 3 * c.u * np.abs(dp))}


@formula
def crossEntropyDense(c):
    m, n = c.n
    q, _ = clipped(c, c["p"], 1)
    terms = (-c["t"] * np.log(q)).reshape(m, n)
    if n == 0:
        return {"y": Near(np.full(1, np.nan), 0)}
    value = terms.sum(1)
    # one sum over all in JavaScript, rows first natively: never more roundings than these
    size = np.abs(terms).sum(1)
    bound = c.u * (3 + c.depth(n if c.native else m * n)) * size
    return {"y": summed(c, value, bound, size)}


def summed(c, value, bound, size):
    """The mean of row values whose terms are of a larger size than they."""
    near = c.mean(value, bound)
    return Near(near.value, near.bound + c.u * size.sum() / max(1, value.size))


@formula
def crossEntropyDenseGrad(c):
    q, within = clipped(c, c["p"], 1)
    dp = np.where(within, -c["dy"] * c["t"] / (c.n[0] * q), 0) if q.size else q
    # dy·t may be denormal
    return {"dp": Near(dp, 4 * c.u * np.abs(dp) + over(c.smallest / q, c.n[0]))}


@formula
def softmaxCrossEntropy(c):
    if c["x"].size == 0:
        return {"y": Near(np.full(1, np.nan), 0), "p": Exact(c.raw("x"))}
    r = Softmax(c, c["x"].reshape(c.n))
    return {"y": c.mean(-picked(c, r.logs), picked(c, r.log_bound)), "p": Near(r.p, r.bound)}


@formula
def softmaxCrossEntropyGrad(c):
    hot = np.zeros(c.n, c.wide)
    hot[np.arange(c.n[0]), c.raw("t")] = 1
    return {"dx": scaled(c, c["p"].reshape(c.n) - hot, 0)}


def scaled(c, difference, error):
    """difference · dy / m: rounded itself, the quotient, the product."""
    g = over(c["dy"], c.n[0])
    return Near(difference * g, np.abs(g) * (error + 3 * c.u * np.abs(difference)) + c.smallest * np.abs(difference))


@formula
def softmaxCrossEntropyDense(c):
    m, n = c.n
    if m * n == 0:
        return {"y": Near(np.full(1, np.nan), 0), "p": Exact(c.raw("x"))}
    r, t = Softmax(c, c["x"].reshape(m, n)), c["t"].reshape(m, n)
    value, size = -(t * r.logs).sum(1), np.abs(t * r.logs).sum(1)
    bound = (np.abs(t) * r.log_bound).sum(1) + c.u * (1 + c.depth(n if c.native else m * n)) * size
    return {"y": summed(c, value, bound, size), "p": Near(r.p, r.bound)}


@formula
def softmaxCrossEntropyDenseGrad(c):
    m, n = c.n
    if m * n == 0:
        return {"dx": Exact(c.raw("p"))}
    p, t = c["p"].reshape(m, n), c["t"].reshape(m, n)
    total = t.sum(1, keepdims=True)
    error = c.u * np.abs(p) * ((c.depth(n)) * np.abs(t).sum(1, keepdims=True) + np.abs(total))
    return {"dx": scaled(c, p * total - t, error)}


def share(c, right):
    """A count is exact, its quotient IEEE."""
    n = c.T.type(right.size)
    return {"y": Exact(np.divide(c.T.type(right.sum()), n).reshape(1))}


@formula
def accuracy(c):
    if c.n[1] == 0:
        return {"y": Exact(np.full(1, np.nan, c.T))}
    return share(c, c.raw("p").reshape(c.n).argmax(1) == c.raw("t"))


@formula
def accuracyDense(c):
    if c.n[1] == 0:
        return {"y": Exact(np.full(1, np.nan, c.T))}
    return share(c, c.raw("p").reshape(c.n).argmax(1) == c.raw("t").reshape(c.n).argmax(1))


@formula
def binaryAccuracy(c):
    return share(c, (c.raw("p") > c.scalar(0)) == (c.raw("t") > 0.5))
