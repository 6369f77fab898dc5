"""The NumPy that primitives run and generated source copies, by family."""
