"""The numpy backend: programs written as the text of NumPy functions."""
