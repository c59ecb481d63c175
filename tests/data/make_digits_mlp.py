"""Train the network of digits_mlp.npz: scikit-learn's MLPClassifier on its digits data.

    pip install 'symlip[data]' && python tests/data/make_digits_mlp.py

The inputs are scaled to [0, 1]. The archive keeps scikit-learn's spelling: coefs_0, intercepts_0, .. of shape (in, out).
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

digits = load_digits()
inputs = digits.data / 16
classifier = MLPClassifier((16,), activation="tanh", alpha=1e-3, max_iter=400, random_state=0).fit(inputs[:1500], digits.target[:1500])
print(f"accuracy on the 297 samples left out: {classifier.score(inputs[1500:], digits.target[1500:]):.3f}")
print(f"mean input norm: {np.mean(np.linalg.norm(inputs, axis=1)):.3f}, largest: {np.max(np.linalg.norm(inputs, axis=1)):.3f}")
arrays = {f"coefs_{k}": A.astype(np.float32) for k, A in enumerate(classifier.coefs_)}
arrays |= {f"intercepts_{k}": b.astype(np.float32) for k, b in enumerate(classifier.intercepts_)}
np.savez(Path(__file__).parent / "digits_mlp.npz", **arrays)
