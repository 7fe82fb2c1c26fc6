"""Structures of primitives: which elements of a result depend on which of the operands.

| structure | an element of the result depends on |
|---|---|
| `Elementwise()` | the elements in its place, of operands that broadcast |
| `Sum()`, `Choice()` | the same, which it adds or one of which it copies |
| `Multiplication()`, `Division()` | the same, and is zero where a factor or the numerator is |
| `Gather()` | the one element that it copies (or none): found by running `fn` on labels |
| `Blocks()` | the same, if neighbouring elements stay neighbours except at a few cuts |
| `Pack()` | the one scalar operand in its place |
| `Index()` | the element of operand 0 that the parameter `index` selects |
| `Scatter()` | the elements of operand 0 that are added at its place, by the parameter `index` |
| `AddAt()` | the element in its place, and the elements of operand 1 that are added there |
| `Bins()` | the elements of operand 0 whose entry in the parameter `positions` names its place |
| `Reduction()` | all elements along the axes of the parameter `axis` |
| `Cumulative()` | its own and all earlier elements along the parameter `axis` |
| `Axis()`, `Permutation()` | all elements along the parameter `axis`; copies one of them |
| `Segments()` | all elements of its run along the last axis, from one of `starts` to the next |
| `Window(axes, radius)` | the elements within `radius` along `axes`, as in a filter |
| `Trace()` | the diagonal that is summed |
| `Einsum("...ij->...kl")` | all elements whose labels are not in the result |
| `Contraction()` | a product by the parameter `subscripts` or `labels` |
| `MatMul()` | products of matrices and vectors; zeros of a constant operand are left out |
| `Convolution()`, `Correlation()` | the elements that meet there, in one or more dimensions |
| `Cross()` | the other two components, of vectors of three |
| `Solve()` | all elements of its system of equations, and of its right-hand side |
| `SparseProduct()` | the product of a constant sparse `matrix` and operand 0 |
| `SparseMatMul()` | the product of a sparse matrix with values and `layout`, and a dense one |
| `SampledProduct()` | a row of each operand: the rows of an entry of `layout` |
| `Dense()` | everything |

A call for which a structure does not hold counts as dense. To write a structure, derive from
`Structure` and define `pattern(use)`, with the methods of `Pattern`.
"""

from ...core.structure import (
    Dense,
    Gather,
    Index,
    NotKnown,
    Pattern,
    Scatter,
    Structure,
    Use,
)
from .elements import (
    AddAt,
    Axis,
    Bins,
    Blocks,
    Choice,
    Cumulative,
    Division,
    Elementwise,
    Multiplication,
    Pack,
    Permutation,
    Reduction,
    Segments,
    Sum,
    Trace,
    Window,
)
from .products import (
    Contraction,
    Convolution,
    Correlation,
    Cross,
    Einsum,
    MatMul,
    Solve,
)
from .sparse import SampledProduct, SparseMatMul, SparseProduct

__all__ = [
    "AddAt",
    "Axis",
    "Bins",
    "Blocks",
    "Choice",
    "Contraction",
    "Convolution",
    "Correlation",
    "Cross",
    "Cumulative",
    "Dense",
    "Division",
    "Einsum",
    "Elementwise",
    "Gather",
    "Index",
    "MatMul",
    "Multiplication",
    "NotKnown",
    "Pack",
    "Pattern",
    "Permutation",
    "Reduction",
    "SampledProduct",
    "Scatter",
    "Segments",
    "Solve",
    "SparseMatMul",
    "SparseProduct",
    "Structure",
    "Sum",
    "Trace",
    "Use",
    "Window",
]
