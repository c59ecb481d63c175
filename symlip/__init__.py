"""symlip: Lipschitz constants of neural networks, of their gradients and of training costs, in the parameters."""

from .activations import (
    BUILT_IN,
    Activation,
    arctan,
    elu,
    erf,
    gaussian,
    gelu,
    gelu_tanh,
    identity,
    leaky_relu,
    logistic,
    mish,
    relu,
    silu,
    sin,
    softplus,
    softsign,
    tanh,
)
from .calculus import Derivation
from .certify import Certificate, Step, certified_step, certify
from .costs import HalfSquaredError, Huber, Logistic, Risk, SoftmaxCrossEntropy
from .derive import derive, exact_lipschitz, ordering
from .derive_flow import limit_theorem
from .errors import DerivationError, MissingExtra, SymlipError
from .fields import ControlledODE, Flow, Jump, NeuralODE, variation
from .lower import global_bound, lower_bound, sharpness
from .models import Model, load
from .networks import Dense, Network, Residual, Skip, Tied
from .parameter_sets import Cone, LayerBalls, Neighbourhood, ParameterBall, Segment

__version__ = "0.1.0"

__all__ = [
    "BUILT_IN", "Activation", "Certificate", "Cone", "ControlledODE", "Dense", "Derivation", "DerivationError", "Flow", "HalfSquaredError", "Huber", "Jump", "LayerBalls", "Logistic",
    "MissingExtra", "Model", "Neighbourhood", "Network", "NeuralODE", "ParameterBall", "Residual", "Risk", "Segment", "Skip", "SoftmaxCrossEntropy", "Step", "SymlipError", "Tied", "arctan", "certified_step", "certify", "derive", "elu", "erf", "exact_lipschitz",
    "gaussian", "gelu", "gelu_tanh", "global_bound", "identity", "leaky_relu", "limit_theorem", "load", "logistic", "lower_bound", "mish", "ordering", "relu", "sharpness", "silu", "sin", "softplus",
    "softsign", "tanh", "variation",
]  # fmt: skip
