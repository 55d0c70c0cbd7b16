"""The steps of the optimizers: Keras 3's formulas, state flushed as docs/commands.md says."""

import numpy as np

from call import Near, formula

MARGIN = 1e-6  # a value as near as this to the limit below which state is flushed may fall on either side


class Step:
    def __init__(self, c, decay):
        self.c, self.u = c, c.u
        self.float32 = c.T == np.float32
        self.tiny, self.least = (c.wide(c.T.type(v)) for v in ((2.0**-95, 1e-36) if self.float32 else (2.0**-959, 1e-300)))
        self.lr = c.wide(c.raw("lr")[0])
        # lr·decay and its rounding, the product, the difference
        loss = self.lr * decay * c["w"]
        self.w = c["w"] - loss if decay else c["w"]
        self.bw = c.u * (3 * np.abs(loss) + np.abs(self.w)) if decay else np.zeros_like(self.w)
        # a quotient in float32 is a product with a reciprocal
        self.quotient = 1e-7 if self.float32 else c.u

    def flushed(self, x, limit, bound=0, size=np.abs):
        near = np.abs(size(x) - limit) <= limit * MARGIN
        return np.where(size(x) < limit, 0, x), np.where(near, limit, 0) + bound

    def beyond(self, x, bound):
        """An average of squares: what it is beyond the limit, and what its root is taken of."""
        u = np.where(x < self.least, self.least, x)  # NaN stays
        v = u - self.least
        return u, v, bound, bound + self.u * np.abs(v)

    def average(self, old, new, share, extra):
        """old + share·(new - old): the scalar rounded, the difference and the sum; `extra` for new itself."""
        value = old + share * (new - old)
        return value, self.u * (share * (3 * np.abs(new - old) + extra) + np.abs(value))

    def minus(self, step, bound):
        w = self.w - step
        return Near(w, self.bw + bound + self.u * np.abs(w))


@formula
def sgd(c):
    s = Step(c, c.d[0])
    step = s.lr * c["g"]
    return {"w": s.minus(step, 2 * c.u * np.abs(step))}


@formula
def momentum(c):
    mu, decay = c.wide(c.d[0]), c.d[1]
    s = Step(c, decay)
    g, _ = s.flushed(c["g"], s.tiny)
    step, back = s.lr * g, mu * c["v"]
    v, bv = s.flushed(back - step, s.tiny, c.u * (2 * np.abs(back) + 2 * np.abs(step) + np.abs(back - step)))
    change, bound = v, bv
    if c.n[1]:
        change = mu * v - step
        bound = mu * bv + c.u * (2 * np.abs(mu * v) + 2 * np.abs(step) + np.abs(change))
    return {"v": Near(v, bv), "w": s.minus(-change, bound)}


@formula
def rmsprop(c):
    rho, eps, decay = c.d
    s = Step(c, decay)
    g = c["g"]
    v, bv = s.average(c["v"], g * g, c.wide(1 - rho), g * g)
    u, v, bu, bv = s.beyond(v, bv)
    inner = u + c.wide(eps)
    step = s.lr * g / np.sqrt(inner)
    relative = 3 * c.u + s.quotient + (bu + c.u * (eps + inner)) / inner / 2
    return {"v": Near(v, bv), "w": s.minus(step, np.abs(step) * relative + c.smallest / np.sqrt(inner))}


@formula
def adam(c):
    beta1, beta2, eps, decay = c.d
    s, t = Step(c, decay), int(c.raw("t")[0])
    g = c["g"]
    m, bm = s.average(c["m"], g, c.wide(1 - beta1), 0)
    v, bv = s.average(c["v"], g * g, c.wide(1 - beta2), g * g)
    m, bm = s.flushed(m, s.tiny, bm)
    u, v, bu, bv = s.beyond(v, bv)
    p1, p2 = (c.wide(np.longdouble(b) ** t) for b in (beta1, beta2))
    a = s.lr * np.sqrt(1 - p2) / (1 - p1)
    # powers by squaring, in float64: two roundings for each bit of t at most, those of the squares doubling
    power = 2.0**-53 * (2 * t * min(1, p2) / (1 - p2) + 2 * t * min(1, p1) / (1 - p1) + 6)
    root = np.sqrt(u)
    below = root + c.wide(eps)
    error = np.minimum(bu / root, np.sqrt(bu)) + c.u * (root + eps + below)
    step = a * m / below
    bound = np.abs(step) * (power + 2 * c.u + s.quotient + error / below) + (a * bm + c.smallest) / below
    return {"m": Near(m, bm), "v": Near(v, bv), "w": s.minus(step, bound)}
