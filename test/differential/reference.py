"""Judges commands, functions and trainings by NumPy. On standard input one line of JSON a case, followed by the bytes of its arrays; a line of JSON
comes back: {"worst": share of the bound} or {"error": text}. The first line out tells what is spoken."""

import json
import sys

import numpy as np

import elementwise, losses, matrices, memory, optimizers  # noqa: E401, F401  (they register their formulas)
from call import FORMULAS, Call, complaint
from functions import FUNCTIONS, Judgement
from networks import judged

TYPES = {"float32": "<f4", "float64": "<f8", "int32": "<i4", "uint8": "u1"}


def judge(header, arrays):
    if "function" in header:
        return Judgement(header, arrays).answer()
    if "network" in header:
        return judged(header, arrays)
    before = {name: a for (where, name, *_), a in zip(header["arrays"], arrays) if where == "before"}
    worst = 0
    for backend in header["backends"]:
        call = Call(header, before, backend)
        expected = FORMULAS[call.op](call)
        for (where, name, *_), got in zip(header["arrays"], arrays):
            if where != backend:
                continue
            error, share = complaint(call, name, expected[name], got)
            if error:
                return {"error": f"{backend}: {error}"}
            worst = max(worst, share)
    return {"worst": worst}


def main():
    stdin, stdout = sys.stdin.buffer, sys.stdout
    print(json.dumps({"numpy": np.__version__, "ops": sorted(FORMULAS), "functions": sorted(FUNCTIONS)}), flush=True)
    while line := stdin.readline():
        header = json.loads(line)
        arrays = [np.frombuffer(stdin.read(n * np.dtype(TYPES[t]).itemsize), TYPES[t]) for _, _, t, n in header["arrays"]]
        with np.errstate(all="ignore"):
            try:
                answer = judge(header, arrays)
            except Exception as e:  # a formula that fails is a finding of its own
                answer = {"error": f"the reference: {type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
