"""Make neural_ode.npz: a small neural ODE with random weights, and its description."""

import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(0)
A, b = rng.normal(size=(4, 4)), rng.normal(size=4)
architecture = json.dumps({"type": "neural-ode", "activation": "tanh", "total_variation": 2})
np.savez(Path(__file__).parent / "neural_ode.npz", A1=A / np.linalg.norm(A, 2), b1=b / 4, architecture=architecture)
