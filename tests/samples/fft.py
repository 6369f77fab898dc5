"""Uses of the transforms of numpy.fft: every primitive, cropped and padded, real and complex."""

import numpy as np

from . import Sample

X = np.sin(np.arange(30.0) * 0.7 + 0.2).reshape(5, 6)
Z = X + 1j * np.cos(np.arange(30.0) * 1.3).reshape(5, 6)
V, W = X[0], Z[:, 1]

SAMPLES = [
    Sample("fft", lambda x: np.fft.fft(x), (Z,)),
    Sample("fft", lambda x: np.fft.fft(x, axis=0, norm="ortho"), (X,)),
    Sample("fft", lambda x: np.fft.fft(x, 4), (X,)),
    Sample("fft", lambda x: np.fft.fft(x, 8, 0, "forward"), (Z,)),
    Sample("fft", lambda x: np.fft.fft(x, 1), (V,)),
    Sample("fft", lambda x: np.abs(np.fft.fft(x)) ** 2, (V,)),
    Sample("fft", lambda x: np.fft.fft2(x, s=(3, -1)), (X,)),
    Sample("fft", lambda x: np.fft.fftn(x, axes=(0, 0)), (Z,)),
    Sample("ifft", lambda x: np.fft.ifft(x), (Z,)),
    Sample("ifft", lambda x: np.fft.ifft(x, 9, norm="ortho"), (X,)),
    Sample("ifft", lambda x: np.fft.ifft(np.fft.fft(x) * np.fft.fft(x)).real, (V,)),
    Sample("ifft", lambda x: np.fft.ifft2(x), (Z,)),
    Sample("ifft", lambda x: np.fft.ifftn(x, s=(4, 7), axes=(1, 0), norm="forward"), (X,)),
    Sample("rfft", lambda x: np.fft.rfft(x), (X,)),
    Sample("rfft", lambda x: np.fft.rfft(x, axis=0), (X,)),
    Sample("rfft", lambda x: np.fft.rfft(x, 3, norm="ortho"), (X,)),
    Sample("rfft", lambda x: np.fft.rfft(x, 9, -1, "forward"), (X,)),
    Sample("rfft", lambda x: np.fft.rfft(x, 2), (V,)),
    Sample("rfft", lambda x: np.fft.rfft2(x), (X,)),
    Sample("rfft", lambda x: np.fft.rfftn(x, s=(6, 5), axes=(1, 0)), (X,)),
    Sample("rfft", lambda x: np.fft.ihfft(x, norm="ortho"), (X,)),
    Sample("irfft", lambda x: np.fft.irfft(x), (Z,)),
    Sample("irfft", lambda x: np.fft.irfft(x, 7, axis=0), (Z,)),
    Sample("irfft", lambda x: np.fft.irfft(x, 15, norm="ortho"), (X,)),
    Sample("irfft", lambda x: np.fft.irfft(x, 1), (W,)),
    Sample("irfft", lambda x: np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(x), 6), (V,)),
    Sample("irfft", lambda x: np.fft.irfft2(x), (Z,)),
    Sample("irfft", lambda x: np.fft.irfftn(x, s=(4, 9), axes=(0, 1), norm="forward"), (Z,)),
    Sample("irfft", lambda x: np.fft.hfft(x), (Z,)),
    Sample("irfft", lambda x: np.fft.hfft(x, 5, 0, "ortho"), (Z,)),
]
