"""Indexing, memory and counters, random numbers."""

import numpy as np

from call import Exact, Near, formula


def converted(x, to):
    """To int32 and uint8: truncated, saturated, NaN gives 0."""
    if to.kind == "f":
        return x.astype(to)
    limits = np.iinfo(to)
    return np.clip(np.trunc(np.nan_to_num(x.astype(np.float64), posinf=1e300, neginf=-1e300)), limits.min, limits.max).astype(to)


@formula
def oneHot(c):
    return {"y": Exact(np.eye(max(1, c.n[1]), dtype=c.T)[c.raw("t")])}


def chosen(c):
    at = int(c.raw("cursor")[0])
    return c.raw("idx")[at:at + c.n[0]]


@formula
def gatherRows(c):
    m, n, count, _ = c.n
    y = converted(c.raw("src").reshape(count, n)[chosen(c)], c.arrays["y"].dtype)
    return {"y": Exact(y / y.dtype.type(c.d[0]) if y.dtype.kind == "f" else y)}


@formula
def scatterRows(c):
    m, n, count, _ = c.n
    parts = c["dy"].reshape(m, n) / c.wide(c.scalar(0))
    value, size, hits = np.zeros((count, n), c.wide), np.zeros((count, n), c.wide), np.zeros((count, 1))
    np.add.at(value, chosen(c), parts)
    np.add.at(size, chosen(c), np.abs(parts))
    np.add.at(hits, chosen(c), 1)
    return {"dsrc": Near(value, (hits + 1) * c.u * size)}


@formula
def fill(c):
    to = c.arrays["y"].dtype
    return {"y": Exact(converted(np.full(c.n[0], c.d[0]), to))}


@formula
def copy(c):
    return {"y": Exact(converted(c.raw("x"), c.arrays["y"].dtype))}


@formula
def copyColumns(c):
    m, n, p, q, at, source = c.n
    y = c.raw("y").copy().reshape(m, p)
    y[:, at:at + n] = c.raw("x").reshape(m, q)[:, source:source + n]
    return {"y": Exact(y)}


@formula
def advance(c):
    return {"x": Exact(c.raw("x") + np.int32(c.n[0]))}


@formula
def put(c):
    y = c.raw("dst").copy()
    y[c.raw("at")[0]] = c.raw("src")[0]
    return {"dst": Exact(y)}


def philox(c, blocks):
    """Philox4x32-10 of Salmon et al. (2011): four words a block, and the counter moved on."""
    k0, k1, low, high = (int(v) & 0xFFFFFFFF for v in c.raw("rng"))
    counter = (high << 32 | low) + np.arange(blocks, dtype=np.uint64) if blocks else np.zeros(0, np.uint64)
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    x = [counter & mask, counter >> shift, counter * np.uint64(0), counter * np.uint64(0)]
    for _ in range(10):
        a, b = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [b >> shift ^ x[1] ^ np.uint64(k0), b & mask, a >> shift ^ x[3] ^ np.uint64(k1), a & mask]
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    end = (high << 32 | low) + blocks & 2**64 - 1
    after = np.array([int(c.raw("rng")[0]), int(c.raw("rng")[1]), 0, 0], np.int32)
    after[2:] = np.array([end & 0xFFFFFFFF, end >> 32], np.uint32).view(np.int32)
    return np.stack(x, 1).reshape(-1), {"rng": Exact(after)}


def fractions(words):
    """53 bits of each pair of words, as whole numbers."""
    return (words[0::2] >> np.uint64(5)) * np.uint64(2**26) + (words[1::2] >> np.uint64(6))


@formula
def uniform(c):
    n, (lo, hi) = c.n[0], c.d
    words, after = philox(c, -(-n // 2))
    y = (lo + (hi - lo) * (fractions(words)[:n].astype(np.float64) * 2.0**-53)).astype(c.T)
    if c.T == np.float32 and lo < hi:
        below = c.T.type(hi)
        y = np.where(y >= hi, below if below < hi else np.nextafter(below, c.T.type(-np.inf)), y)
    return {"y": Exact(y), **after}


@formula
def normal(c):
    n, (mean, deviation) = c.n[0], c.d
    words, after = philox(c, -(-n // 2))
    f = fractions(words).astype(np.longdouble)
    r = np.sqrt(-2 * np.log((f[0::2] + 1) / 2**53))
    angle = f[1::2] / 2**53 * 2 * np.arccos(np.longdouble(-1))
    z = np.stack([r * np.cos(angle), r * np.sin(angle)], 1).reshape(-1)[:n]
    size = np.repeat(r, 2)[:n] * abs(deviation)
    y = mean + deviation * z
    # a few roundings in float64, then one to the type
    return {"y": Near(y.astype(c.wide), 2.0**-50 * size + 2.0**-53 * np.abs(y) + c.u * np.abs(y)), **after}


@formula
def permutation(c):
    n = c.n[0]
    words, after = philox(c, -(-(n - 1) // 4) if n > 1 else 0)
    y = np.arange(n, dtype=np.int32)
    for k, i in enumerate(range(n - 1, 0, -1)):
        j = int(words[k]) * (i + 1) >> 32
        y[i], y[j] = y[j], y[i]
    return {"y": Exact(y), **after}
