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
    "cost_third": r"|D_o^3g|",
    "cost_first": r"|D\varphi|",
    "cost_second": r"|D^2\varphi|",
    "risk_first": r"|D\Phi|",
    "risk_second": r"|D^2\Phi|",
    "centre_weight": r"\bar A_{{{u}}}",
    "centre_bias": r"\bar b_{{{u}}}",
    "inputs": r"x",
    "targets": r"y",
    "distance": r"|\theta-\bar\theta|",
    "length": r"t",
    "direction_weight": r"U_{{{u}}}",
    "direction_bias": r"w_{{{u}}}",
    "angle": r"|\omega|",
    "reference_weight": r"v_{{{u}}}",
    "reference_bias": r"v_{{{u}}}",
    "weight_moved": r"|A_{{{u}}}-\bar A_{{{u}}}|_2",
    "line_moved": r"|z_{{{u}}}(\bar\theta+tU)-\bar z_{{{u}}}|_j",
    "cone_norm": r"|z_{{{u}}}-z_{{{u}}}(\bar\theta+tU)|/|\theta-\bar\theta-tU|",
    "moved_norm": r"|z_{{{u}}}-\bar z_{{{u}}}|/|\theta-\bar\theta|",
    "moved_output": r"|h_{{{u}}}-\bar h_{{{u}}}|/|\theta-\bar\theta|",
    "moved_pre": r"|z_{{{u}}}-\bar z_{{{u}}}|_j",
    "moved": r"|h_{{{u}}}-\bar h_{{{u}}}|",
    "output_moved": r"|h_{{\mathrm{{out}}}}-\bar h_{{\mathrm{{out}}}}|_j",
    "near_slope": r"|s_{{{u}}}'(z_{{{u}}})|_j",
    "near_curvature": r"|s_{{{u}}}''(z_{{{u}}})|_j",
    "near_matrix": r"|A_{{{u}}}\operatorname{{diag}}s'(z_{{{w}}})|_2",
    "near_curving": r"|A_{{{u}}}(s''(z_{{{w}}})\,v^2)|/|v|^2",
    "pre_second_blocks": r"|D^2z_{{{u}}}|_{{\mathrm{{block}}}}",
    "near_third": r"|s_{{{u}}}'''(z_{{{u}}})|_j",
    "near_fourth": r"|s_{{{u}}}^{{(4)}}(z_{{{u}}})|_j",
    "line_pre_1": r"|z_{{{u}}}'|_j",
    "line_pre_2": r"|z_{{{u}}}''|_j",
    "line_pre_3": r"|z_{{{u}}}'''|_j",
    "line_pre_4": r"|z_{{{u}}}^{{(4)}}|_j",
    "line_output_3": r"|h_{{{u}}}'''|_j",
    "line_output_4": r"|h_{{{u}}}^{{(4)}}|_j",
    "line_out_moved_0": r"|h_{{{u}}}-\bar h_{{{u}}}|_j",
    "line_out_moved_1": r"|h_{{{u}}}'-\bar h_{{{u}}}'|_j",
    "line_out_moved_2": r"|h_{{{u}}}''-\bar h_{{{u}}}''|_j",
    "line_out_moved_3": r"|h_{{{u}}}'''-\bar h_{{{u}}}'''|_j",
    "cost_jet_0": r"g(0)",
    "cost_jet_1": r"g'(0)",
    "cost_jet_2": r"g''(0)",
    "cost_jet_3": r"g'''(0)",
    "cost_fourth": r"g^{{(4)}}",
    "risk_jet_0": r"\Phi(0)",
    "risk_jet_1": r"\Phi'(0)",
    "risk_jet_2": r"\Phi''(0)",
    "risk_jet_3": r"\Phi'''(0)",
    "risk_fourth": r"\Phi^{{(4)}}",
    "risk_bend": r"\Phi''",
    "changed_first": r"|\zeta_{{{u}}}|",
    "cost_factor": r"\mathsf M",
    "changed_adjoint": r"|e_{{{u}}}(\theta)-e_{{{u}}}|",
    "changed_multiplier": r"|\lambda_{{{u}}}(\theta)-\lambda_{{{u}}}|_j",
    "changed_curving": r"|\mu_{{{u}}}(\theta)-\mu_{{{u}}}|_j",
    "curving_size": r"|\mu_{{{u}}}(\theta)|_j",
    "changed_output": r"|C^{{1/2}}\zeta_{{\mathrm{{out}}}}|",
    "changed_form": r"\varphi''(\theta)-\varphi''(\bar\theta)-\sum W z'^2",
    "diagonal_form": r"a^{{\top}}Qa",
    "majorant_shift": r"\gamma_{{{u}}}",
    "majorant_neurons": r"\omega_{{{u}}}",
    "majorant_outputs": r"\kappa",
    "risk_blocks": r"|D\Phi|_{{\mathrm{{block}}}}",
    "risk_second_blocks": r"|D^2\Phi|_{{\mathrm{{block}}}}",
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
    "cost_third": "norm of the cost's third derivative in the outputs",
    "cost_first": "norm of the gradient of the cost",
    "cost_second": "norm of the Hessian of the cost",
    "risk_first": "norm of the gradient of the risk",
    "risk_second": "norm of the Hessian of the risk",
    "centre_weight": "weights of layer {u} at the centre",
    "centre_bias": "bias of layer {u} at the centre",
    "inputs": "input of a sample",
    "targets": "target of a sample",
    "distance": "distance from the centre, in the norm of all parameters",
    "length": "length of the segment",
    "direction_weight": "weights of layer {u} of the direction",
    "direction_bias": "bias of layer {u} of the direction",
    "angle": "distance of the direction from the cone's axis",
    "reference_weight": "weights of layer {u} of the reference direction",
    "reference_bias": "bias of layer {u} of the reference direction",
    "weight_moved": "movement of the weights of layer {u}",
    "line_moved": "movement of each pre-activation of layer {u} along the axis",
    "cone_norm": "movement of the pre-activation of layer {u} from the axis, in units of the distance",
    "moved_norm": "movement of the pre-activation of layer {u}, in units of the distance",
    "moved_output": "movement of the output of layer {u}, in units of the distance",
    "moved_pre": "movement of each pre-activation of layer {u}",
    "moved": "movement of the output of layer {u}",
    "output_moved": "movement of each output",
    "near_slope": "slope of each neuron of layer {u}",
    "near_curvature": "second derivative of the activation of each neuron of layer {u}",
    "near_matrix": "weights of layer {u} times the slopes below",
    "near_curving": "weights of layer {u} times the second derivatives below",
    "pre_second_blocks": "second derivatives of the pre-activation of layer {u}, by pairs of parameter blocks",
    "near_third": "third derivative of the activation of each neuron of layer {u}",
    "near_fourth": "fourth derivative of the activation of each neuron of layer {u}",
    "line_pre_1": "first derivative of each pre-activation of layer {u} on the segment",
    "line_pre_2": "second derivative of each pre-activation of layer {u} on the segment",
    "line_pre_3": "third derivative of each pre-activation of layer {u} on the segment",
    "line_pre_4": "fourth derivative of each pre-activation of layer {u} on the segment",
    "line_output_3": "third derivative of each output of layer {u} on the segment",
    "line_output_4": "fourth derivative of each output of layer {u} on the segment",
    "line_out_moved_0": "movement of each output of layer {u}",
    "line_out_moved_1": "movement of the first derivative of each output of layer {u}",
    "line_out_moved_2": "movement of the second derivative of each output of layer {u}",
    "line_out_moved_3": "movement of the third derivative of each output of layer {u}",
    "cost_jet_0": "cost of a sample",
    "cost_jet_1": "first derivative of the cost of a sample along the line",
    "cost_jet_2": "second derivative of the cost of a sample along the line",
    "cost_jet_3": "third derivative of the cost of a sample along the line",
    "cost_fourth": "fourth derivative of the cost of a sample on the segment",
    "risk_jet_0": "risk",
    "risk_jet_1": "first derivative of the risk along the line",
    "risk_jet_2": "second derivative of the risk along the line",
    "risk_jet_3": "third derivative of the risk along the line",
    "risk_fourth": "fourth derivative of the risk on the segment",
    "risk_bend": "second derivative of the risk on the segment",
    "changed_first": "change of the first derivative of the pre-activation of layer {u}, as a vector of coefficients",
    "cost_factor": "logarithm of the factor by which the cost's Hessian grows",
    "changed_adjoint": "change of the adjoint of layer {u}",
    "changed_multiplier": "change of each multiplier of layer {u}",
    "changed_curving": "change of each weight of the squares of layer {u}",
    "curving_size": "size of each weight of the squares of layer {u}",
    "changed_output": "change of the outputs' derivatives in the norm of the cost's Hessian, as a vector of coefficients",
    "changed_form": "change of the second derivative of the cost of a sample, as a form",
    "diagonal_form": "the same form, diagonal",
    "majorant_shift": "coefficient of layer {u} in the majorant",
    "majorant_neurons": "coefficient of each neuron of layer {u} in the majorant",
    "majorant_outputs": "coefficient of the cost's Hessian in the majorant",
    "risk_blocks": "first derivatives of the risk, parameter block by parameter block",
    "risk_second_blocks": "second derivatives of the risk, by pairs of parameter blocks",
}

BLOCKED = ("pre_blocks", "blocks", "second_blocks", "pre_second_blocks", "risk_blocks", "risk_second_blocks")
"""Quantities bounded by a block vector or matrix instead of a number."""


def _any_order(kind: str) -> tuple[str, str]:
    """LaTeX and meaning of derivative_k, cost_derivative_k and risk_derivative_k."""
    of, _, order = kind.rpartition("derivative_")
    latex, meaning = {
        "": (r"|D^{{%s}}h_{{{u}}}|", "derivative %s of the output of layer {u}, in norm"),
        "cost_": (r"|D^{{%s}}\varphi|", "derivative %s of the cost, in norm"),
        "risk_": (r"|D^{{%s}}\Phi|", "derivative %s of the risk, in norm"),
    }[of]
    return latex % order, meaning % order


EQUALITIES = tuple(f"{kind}_jet_{order}" for kind in ("cost", "risk") for order in range(4))
"""Quantities whose claims are equalities: the symbol is the quantity."""


@dataclass(frozen=True)
class Quantity:
    """A measurable quantity. kind: a key of LATEX; layer: its index u (None where there is none; a symbol for all layers)."""

    kind: str
    layer: Index | None = None

    @property
    def latex(self) -> str:
        known = LATEX.get(self.kind) or _any_order(self.kind)[0]
        text = known.format(
            u="" if self.layer is None else sympy.latex(self.layer),
            v="" if self.layer is None else sympy.latex(self.layer + 1),
            w="" if self.layer is None else sympy.latex(self.layer - 1),
        )
        return text.replace("h_{T}", "X_T")

    @property
    def meaning(self) -> str:
        known = MEANING.get(self.kind) or _any_order(self.kind)[1]
        return known.format(u="" if self.layer is None else str(self.layer))

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
        return rf"\sup|{name}{chr(39) * self.order}|" if self.order <= 3 else rf"\sup|{name}^{{({self.order})}}|"

    @property
    def meaning(self) -> str:
        if self.at_zero:
            return f"value of {self.activation.name} at 0, in modulus"
        what = (
            "",
            "the first derivative of ",
            "the second derivative of ",
            "the third derivative of ",
            *(f"derivative {k} of " for k in range(4, self.order + 1)),
        )[self.order]
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
