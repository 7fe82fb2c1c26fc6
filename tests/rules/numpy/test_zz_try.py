import numpy as np
from tests.rules.table import row, rule_tests, A
ROWS = [row(np.sum, A(3, 4)), row(np.sum, A(3, 4), axis=0, keepdims=True), row(np.divide, A(3), A(2, 3)),row(np.multiply,A(3),.7), row(np.power,A(3,low=.5,high=1),A(2,1)), row(lambda x: (x[0]*x,np.argmax(x)), A(3),_id='ind'),
 row(np.absolute,A(2,3)), row(np.sum, np.zeros((0,3)),axis=0),row(np.arctan2,A(3),A(2,3),_complex=False)]
TestRules = rule_tests(ROWS)
