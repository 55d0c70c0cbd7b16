"""What the formulas share: a command with its operands in a wider type, expected results, and how near they must be.

float32 is computed in float64, float64 in NumPy's long double (on x86 64 bits of mantissa, on Linux arm64 113). Where long
double is no wider than double the reference rounds as often as what it judges, and bounds double.

Bounds are first-order: u is half a unit in the last place, each rounding of a value r adds u·|r|. docs/arithmetic.md and
docs/commands.md say how many roundings there are; 1 % covers the higher orders.
"""

import numpy as np

FORMULAS = {}
LONG = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


def formula(f):
    """Registers f as the meaning of the command of its name (a trailing _ is for Python's own names)."""
    FORMULAS[f.__name__.rstrip("_")] = f
    return f


class Exact:
    """One right value; with zeros=False 0 and -0 count as equal."""

    def __init__(self, value, zeros=True):
        self.value, self.zeros = value, zeros


class Near:
    """Within `bound` of `value`, both in the wide type."""

    def __init__(self, value, bound):
        self.value, self.bound = value, bound


class Call:
    def __init__(self, header, arrays, backend):
        self.op, self.native = header["op"], backend == "native"
        self.T = np.dtype(np.float64 if header["dtype"] else np.float32)
        self.wide = np.longdouble if header["dtype"] else np.float64
        self.u = float(np.finfo(self.T).eps) / 2
        self.tiny = float(np.finfo(self.T).tiny)
        self.smallest = float(np.finfo(self.T).smallest_subnormal)  # what rounding to a denormal may cost
        self.lanes = 8 if header["dtype"] else 16
        self.n = header["ints"]
        self.d = [float(v) for v in header["doubles"]]
        self.arrays = arrays

    def raw(self, name):
        return self.arrays[name]

    def __getitem__(self, name):
        return self.arrays[name].astype(self.wide)

    def scalar(self, i):
        """A double parameter as the command's type knows it."""
        return self.T.type(self.d[i])

    def depth(self, n):
        """Roundings that an addend of a sum of n meets: lanes, blocks and a tree natively; a plain loop in JavaScript."""
        if not self.native:
            return n
        blocks = n // 4096 if self.T.itemsize == 8 else min(n // 4096, 1)  # added in float64
        return -(-min(n, 4096) // self.lanes) + int(np.log2(self.lanes)) + blocks

    def ulp(self, value):
        """The unit in the last place of T at `value`."""
        exponent = np.frexp(np.abs(value))[1]
        return np.ldexp(np.asarray(2 * self.u, self.wide), exponent - 1)

    def mean(self, values, bounds):
        """The mean of values that are themselves within bounds, summed in the order of a sum."""
        m = values.size
        if m == 0:
            return Near(np.full(1, np.nan, self.wide), np.zeros(1))
        rounding = (self.depth(m) + 1) * self.u * np.abs(values).sum()
        return Near((values.sum() / m).reshape(1), ((bounds.sum() + rounding) / m).reshape(1))


class Stub:
    """As much of a Call as complaint() asks for."""

    def __init__(self, dtype):
        self.T = np.dtype(dtype)
        self.wide = np.longdouble if dtype == "float64" else np.float64
        self.u = float(np.finfo(self.T).eps) / 2
        self.smallest = float(np.finfo(self.T).smallest_subnormal)
        self.arrays = {}


def complaint(call, name, expected, got):
    """None and the share of the bound that the worst element took, or what is wrong."""
    if isinstance(expected, Exact):
        value = np.asarray(expected.value).reshape(-1)
        if value.size != got.size or value.dtype != got.dtype:
            return f"{name}: the reference has {value.size} {value.dtype}, expected {got.size} {got.dtype}", 0
        same = (value == got) | (value != value) & (got != got)
        if expected.zeros and value.dtype.kind == "f":
            same &= (np.signbit(value) == np.signbit(got)) | (value != value)
        return first(call, name, ~same, got, value, None), 0
    value = np.asarray(expected.value, call.wide).reshape(-1)
    bound = np.broadcast_to(np.asarray(expected.bound, call.wide).reshape(-1), value.shape)
    if value.size != got.size:
        return f"{name}: the reference has {value.size} numbers, expected {got.size}", 0
    # A denormal result is right to its last bit; a result beyond the largest number may be infinite.
    bound = np.where(np.isfinite(bound), bound, 0) * (1.01 if LONG or call.T == np.float32 else 2)
    bound = bound + 4 * call.smallest
    limit = float(np.finfo(call.T).max)
    wide = got.astype(call.wide)
    error = np.where(value == wide, 0, np.abs(wide - value))
    overflow = np.isinf(wide) & (np.abs(value) + bound >= limit) & (np.signbit(wide) == np.signbit(value))
    bad = ~(error <= bound) & ~overflow & ~((value != value) & (wide != wide))
    share = np.where(np.isfinite(error), error / bound, 0)
    return first(call, name, bad, got, value, bound), float(share.max(initial=0))


def first(call, name, bad, got, value, bound):
    if not bad.any():
        return None
    i = int(np.argmax(bad))
    within = "" if bound is None else f" within {float(bound[i]):.3g}"
    inputs = ", ".join(f"{k}[{i}]={v[i]!r}" for k, v in call.arrays.items() if i < v.size)
    return f"{name}[{i}] is {got[i]!r}, expected {value[i]!r}{within} ({int(bad.sum())} of {bad.size} differ; {inputs})"
