"""What is bounded: quantities of a network that a claim speaks of. How one is measured lives in `verify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import sympy

from ..activations import Activation

Index: TypeAlias = int | sympy.Expr

LATEX = {
    "weight": r"|A_{{{u}}}|_2",
    "bias": r"|b_{{{u}}}|",
    "input": r"|x|",
    "input_least": r"\min_i|x_i|",
    "input_rest": r"\sum_i|x_i|-\min_i|x_i|",
    "radius": r"|\theta|",
    "step": r"{u}",
    "constant": r"{u}",
    "total_variation": r"\mu((0,T])",
    "value_at": r"|X|",
    "field_k": r"|D_xV|",
    "field_v1": r"|D_\theta V|",
    "field_v2": r"|D_\theta^2V|",
    "field_w": r"|D_xD_\theta V|",
    "field_c": r"|D_x^2V|",
    "field_v0": r"|V|-k_0|x|",
    "field_k0": r"(|V|-v_0)/|x|",
    "target": r"|y|",
    "value": r"|h_{{{u}}}|",
    "pre_first": r"|Dz_{{{u}}}|",
    "first": r"|Dh_{{{u}}}|",
    "second": r"|D^2h_{{{u}}}|",
    "bending": r"\Gamma_{{{u}}}(k)|z_{{{u}}}'|^2+k|z_{{{u}}}''|",
    "joint": r"1+|h_{{{u}}}|^2+a_{{{v}}}^2|Dh_{{{u}}}|^2",
    "jump": r"|\Delta Dh_{{{u}}}|",
    "scale": r"t",
    "pre_blocks": r"|Dz_{{{u}}}|_{{\mathrm{{block}}}}",
    "blocks": r"|Dh_{{{u}}}|_{{\mathrm{{block}}}}",
    "second_blocks": r"|D^2h_{{{u}}}|_{{\mathrm{{block}}}}",
    "cost_slope": r"|D_og|",
    "cost_curvature": r"|D_o^2g|",
    "cost_first": r"|D\varphi|",
    "cost_second": r"|D^2\varphi|",
    "risk_first": r"|D\Phi|",
    "risk_second": r"|D^2\Phi|",
}

MEANING = {
    "weight": "spectral norm of the weights of layer {u}",
    "bias": "norm of the bias of layer {u}",
    "input": "norm of the input",
    "input_least": "smallest modulus of an entry of the input",
    "input_rest": "sum of the moduli of the input's other entries",
    "radius": "norm of all parameters",
    "step": "step {u}, in modulus",
    "constant": "constant {u}",
    "total_variation": "total variation of the control",
    "value_at": "norm of the state after the variation y",
    "field_k": "Lipschitz constant of the field in the state",
    "field_v1": "Lipschitz constant of the field in the parameters",
    "field_v2": "second derivative of the field in the parameters",
    "field_w": "mixed second derivative of the field",
    "field_c": "second derivative of the field in the state",
    "field_v0": "size of the field at state 0",
    "field_k0": "growth of the field in the state",
    "target": "norm of the target",
    "value": "norm of the output of layer {u}",
    "pre_first": "operator norm of the first derivative of the pre-activation of layer {u}",
    "first": "operator norm of the first derivative of the output of layer {u}",
    "second": "norm of the second derivative of the output of layer {u}",
    "bending": "cost of bending layer {u}",
    "joint": "output and first derivative of layer {u} together",
    "jump": "jump of the first derivative of the output of layer {u}",
    "scale": "scale of the family of networks",
    "pre_blocks": "first derivatives of the pre-activation of layer {u}, parameter block by parameter block",
    "blocks": "first derivatives of the output of layer {u}, parameter block by parameter block",
    "second_blocks": "second derivatives of the output of layer {u}, by pairs of parameter blocks",
    "cost_slope": "norm of the cost's gradient in the outputs",
    "cost_curvature": "norm of the cost's Hessian in the outputs",
    "cost_first": "norm of the gradient of the cost",
    "cost_second": "norm of the Hessian of the cost",
    "risk_first": "norm of the gradient of the risk",
    "risk_second": "norm of the Hessian of the risk",
}

BLOCKED = ("pre_blocks", "blocks", "second_blocks")
"""Quantities bounded by a block vector or matrix instead of a number."""


@dataclass(frozen=True)
class Quantity:
    """A measurable quantity. kind: a key of LATEX; layer: its index u (None where there is none; a symbol for all layers)."""

    kind: str
    layer: Index | None = None

    @property
    def latex(self) -> str:
        text = LATEX[self.kind].format(u="" if self.layer is None else sympy.latex(self.layer), v="" if self.layer is None else sympy.latex(self.layer + 1))
        return text.replace("h_{T}", "X_T")

    @property
    def meaning(self) -> str:
        return MEANING[self.kind].format(u="" if self.layer is None else str(self.layer))

    def __str__(self) -> str:
        return self.kind if self.layer is None else f"{self.kind} {self.layer}"


@dataclass(frozen=True)
class ActivationDerivative:
    """sup over z of |s^(order)(z)|, for one activation; at_zero: |s(0)| instead."""

    activation: Activation
    order: int
    at_zero: bool = False

    @property
    def latex(self) -> str:
        name = self.activation.latex
        if self.at_zero:
            return rf"|{name}(0)|"
        return rf"\sup|{name}{chr(39) * self.order}|"

    @property
    def meaning(self) -> str:
        if self.at_zero:
            return f"value of {self.activation.name} at 0, in modulus"
        what = ("", "the first derivative of ", "the second derivative of ", "the third derivative of ")[self.order]
        return f"supremum of {what}{self.activation.name}, in modulus"

    def __str__(self) -> str:
        return f"{self.activation.name} at 0" if self.at_zero else f"sup |{self.activation.name}^({self.order})|"


@dataclass(frozen=True)
class ActivationCells:
    """An activation in cells, with bounds on its derivatives on each."""

    activation: Activation

    @property
    def latex(self) -> str:
        return r"\text{cells}"

    @property
    def meaning(self) -> str:
        return f"cells of {self.activation.name}, with bounds on its derivatives"

    def __str__(self) -> str:
        return f"cells of {self.activation.name}"


@dataclass(frozen=True)
class ActivationPeak:
    """sup over z of s(z)^2 + c s'(z)^2 as a function of c >= 0, for one activation."""

    activation: Activation

    @property
    def latex(self) -> str:
        return r"\sup_z(s^2+c\,s'^2)"  # the symbol that bounds it names the activation

    @property
    def meaning(self) -> str:
        return f"supremum of {self.activation.name}^2 + c {self.activation.name}'^2, as a function of c"

    def __str__(self) -> str:
        return f"sup {self.activation.name}^2 + c {self.activation.name}'^2"
