"""Rows of `linear_solve`, whose primitive all solvers share."""

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

ROWS = [
    row(dd.linear_solve, A(4, 4), A(4), _complex=False, _float32=False, _exact=False),
]
TestRules = rule_tests(ROWS)
