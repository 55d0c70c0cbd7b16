"""Products, softmax over rows, reductions."""

import numpy as np

from call import Exact, Near, formula


def product(c, a, b, bias=None):
    k = a.shape[1]
    start = 0 if bias is None else bias
    size = np.abs(a) @ np.abs(b) + np.abs(start)
    roundings = k if c.native else k + 1  # JavaScript multiplies, then adds
    return Near(a @ b + start, roundings * c.u / (1 - roundings * c.u) * size)


@formula
def matmul(c):
    m, n, k, ta, tb = c.n
    a = c["a"].reshape(k, m).T if ta else c["a"].reshape(m, k)
    b = c["b"].reshape(n, k).T if tb else c["b"].reshape(k, n)
    return {"c": product(c, a, b)}


@formula
def affine(c):
    m, n, k = c.n
    return {"y": product(c, c["x"].reshape(m, k), c["w"].reshape(k, n), c["b"])}


def from_panels(c):
    """x in rows. Panel h begins at element 2h·m·n or, in its other place, (2h + 1)·m·n, as m rows of its own columns; where it ends, and
    its place, stand at the end of x."""
    m, n, _, panels = c.n
    x, noted = c["x"], c.raw("x")
    rows, start = np.zeros((m, n), c.wide), 0
    for h in range(panels if m * n > 0 else 0):
        end, place = noted[x.size - 2 * (panels - 1 - h):][:2] if h + 1 < panels else (n, 0)
        end = int(end) if start <= end <= n else start
        at = (3 * h + (place == 1)) * m * n
        rows[:, start:end] = x[at:][:m * (end - start)].reshape(m, end - start)
        start = end
    return rows


@formula
def gatherAffine(c):
    m, n, count, _, k, panels = c.n
    x, at = c.raw("x").copy(), int(c.raw("cursor")[0])
    if m * k == 0:
        return {"y": Exact(np.zeros(0, c.T)), "x": Exact(x)}
    rows = c.raw("src").reshape(count, n)[c.raw("idx")[at:at + m]].astype(c.T) / c.scalar(0)
    x[:m * n] = rows.reshape(-1)
    if n > 0 and panels > 1:
        x[2 * (1 - panels):] = [n, 0] * (panels - 1)
    return {"y": product(c, rows.astype(c.wide), c["w"].reshape(n, k), c["b"]), "x": Exact(x)}


@formula
def gatherAffineGrad(c):
    m, _, k, _ = c.n
    return {"dw": product(c, from_panels(c).T, c["dy"].reshape(m, k))}


@formula
def transpose(c):
    return {"y": Exact(c.raw("x").reshape(c.n).T)}


class Softmax:
    """softmax(x) of rows, and errors over u, relative: of e = exp(d) and of its sum s."""

    def __init__(self, c, x):
        self.d = d = x - x.max(1, keepdims=True)
        self.e = e = np.exp(d)
        self.s = s = e.sum(1, keepdims=True)
        self.p = e / s
        self.re = np.where(e > 0, np.abs(d), 0) + 2  # d rounded once, exp within 1 ULP
        self.rs = (e * self.re).sum(1, keepdims=True) / s + c.depth(x.shape[1])
        # exp flushes what would be denormal; JavaScript stores e before it divides
        self.bound = c.u * self.p * (self.re + self.rs + (1 if c.native else 2)) + c.tiny / s
        self.log = np.log(s)
        self.logs = d - self.log
        self.log_bound = c.u * (np.abs(d) + self.rs + 2 * np.abs(self.log) + np.abs(d) + np.abs(self.logs))


def rows(c, name):
    """None if there is nothing in a row."""
    m, n = c.n
    return c[name].reshape(m, n) if n > 0 else None


@formula
def softmax(c):
    x = rows(c, "x")
    if x is None:
        return {"y": Exact(c.raw("x"))}
    r = Softmax(c, x)
    return {"y": Near(r.p, r.bound)}


@formula
def logSoftmax(c):
    x = rows(c, "x")
    if x is None:
        return {"y": Exact(c.raw("x"))}
    r = Softmax(c, x)
    return {"y": Near(r.logs, r.log_bound)}


@formula
def softmaxGrad(c):
    dy, y = c["dy"].reshape(c.n), c["y"].reshape(c.n)
    total = (dy * y).sum(1, keepdims=True)
    error = (c.depth(c.n[1]) + 1) * np.abs(dy * y).sum(1, keepdims=True)
    dx = y * (dy - total)
    return {"dx": Near(dx, c.u * (np.abs(y) * (error + np.abs(dy - total)) + np.abs(dx)))}


@formula
def logSoftmaxGrad(c):
    dy, y = c["dy"].reshape(c.n), c["y"].reshape(c.n)
    total = dy.sum(1, keepdims=True)
    error = c.depth(c.n[1]) * np.abs(dy).sum(1, keepdims=True)
    p = np.exp(y)
    dx = dy - p * total
    return {"dx": Near(dx, c.u * (p * (error + 3 * np.abs(total)) + np.abs(dx)) + np.abs(total) * c.tiny)}


def three(c, name="x"):
    return c[name].reshape(c.n)


def total(c):
    a, b, columns = c.n
    roundings = c.depth(b) if columns == 1 else b
    return three(c).sum(1), roundings * c.u * np.abs(three(c)).sum(1)


@formula
def sum_(c):
    return {"y": Near(*total(c))}


@formula
def mean(c):
    value, bound = total(c)
    b = np.asarray(c.n[1], c.wide)
    return {"y": Near(value / b, bound / b + 2 * c.u * np.abs(value / b))}  # float32 in JavaScript: stored, then divided


@formula
def max_(c):
    return {"y": Exact(c.raw("x").reshape(c.n).max(1), zeros=False)}


@formula
def argmax(c):
    return {"y": Exact(c.raw("x").reshape(c.n).argmax(1).astype(np.int32))}


@formula
def expand(c):
    a, b, columns = c.n
    return {"y": Exact(np.broadcast_to((c.scalar(0) * c.raw("x")).reshape(a, 1, columns), c.n))}


@formula
def maxGrad(c):
    a, b, columns = c.n
    top = c.raw("x").reshape(c.n) == c.raw("y").reshape(a, 1, columns)
    share = c.raw("dy").reshape(a, 1, columns) / top.sum(1, keepdims=True).astype(c.T)
    return {"dx": Exact(np.where(top, share, c.T.type(0)))}
