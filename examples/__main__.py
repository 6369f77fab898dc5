"""All examples, one after the other: ``python examples [--out DIR] [--steps N]``."""

import sys

import convnet
import digits
import gradient_descent
import neuron
import spiral

for example in (gradient_descent, neuron, spiral, digits, convnet):
    print(f"\n{example.__doc__.splitlines()[0]}\n")
    example.main(sys.argv[1:])
